package braid.sdk;

import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.awssdk.services.kinesis.KinesisClient;
import software.amazon.kinesis.common.KinesisClientUtil;

import java.util.Map;
import java.util.concurrent.CompletionException;

/**
 * {@code journey}, {@code walk} or {@code aggregated}, or {@code worker NAME STREAM DIARY}, as the
 * README beside this folder tells them.
 */
public final class Main {
    private Main() {}

    public static void main(String[] arguments) {
        if (arguments.length == 4 && arguments[0].equals("worker")) {
            Worker.run(arguments[1], arguments[2], arguments[3]);
            return;
        }
        Map<String, Runnable> programs =
                Map.of(
                        "journey",
                        Main::journey,
                        "walk",
                        Main::walk,
                        "aggregated",
                        Main::aggregated);
        if (arguments.length != 1 || !programs.containsKey(arguments[0])) {
            System.err.println("usage: journey | walk | aggregated | worker NAME STREAM DIARY");
            System.exit(2);
        }
        try {
            programs.get(arguments[0]).run();
        } catch (RuntimeException fault) {
            Throwable cause = fault instanceof CompletionException ? fault.getCause() : fault;
            System.err.println(
                    arguments[0]
                            + " in Java: "
                            + (cause instanceof Lost ? cause.getMessage() : cause));
            System.exit(1);
        }
    }

    /** The client with futures: Netty, HTTP/2. */
    private static void journey() {
        try (KinesisAsyncClient client = KinesisAsyncClient.create()) {
            Journey.run(client);
        }
    }

    /** The client that blocks: HTTP/1.1. */
    private static void walk() {
        try (KinesisClient client = KinesisClient.create();
                KinesisAsyncClient events = KinesisAsyncClient.create()) {
            Walk.run(client, events);
        }
    }

    /** As the Kinesis Client Library makes its client. */
    private static void aggregated() {
        try (KinesisAsyncClient client =
                KinesisClientUtil.createKinesisAsyncClient(KinesisAsyncClient.builder())) {
            Aggregated.run(client);
        }
    }
}
