// The SDK for Go v2 against Braid: "sdk journey" or "sdk walk", as the README beside this folder
// tells them.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
)

const patience = 120 * time.Second

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	settings, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		fail("no configuration", err)
	}
	client := kinesis.NewFromConfig(settings)
	programs := map[string]func(context.Context, *kinesis.Client) error{
		"journey": journey,
		"walk":    walk,
	}
	if len(os.Args) != 2 || programs[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: sdk journey|walk")
		os.Exit(2)
	}
	if err := programs[os.Args[1]](ctx, client); err != nil {
		fail(os.Args[1]+" in Go", err)
	}
}

func fail(what string, err error) {
	fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
	os.Exit(1)
}
