package braid.sdk;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** What a worker has seen, a line each in its order, kept when the worker is killed. */
final class Diary implements AutoCloseable {
    private final OutputStream file;

    Diary(String path) {
        try {
            file = Files.newOutputStream(Path.of(path));
        } catch (IOException fault) {
            throw new UncheckedIOException(fault);
        }
    }

    /** With the machine's time, which workers share. One write: lines are whole or not there. */
    synchronized void note(String line) {
        try {
            file.write((System.nanoTime() + " " + line + "\n").getBytes(StandardCharsets.UTF_8));
        } catch (IOException fault) {
            throw new UncheckedIOException(fault);
        }
    }

    @Override
    public void close() {
        try {
            file.close();
        } catch (IOException fault) {
            throw new UncheckedIOException(fault);
        }
    }
}
