package braid.sdk;

import software.amazon.awssdk.services.kinesis.model.Record;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;

/** What one reader got: each key must bring the rounds 0, 1, 2, ... in this order. */
final class Ledger {
    static final List<String> KEYS =
            IntStream.range(0, 500).mapToObj(number -> "key-" + number).toList();
    static final int ROUNDS = 20;

    private final String name;
    private final Map<String, Integer> next = new HashMap<>();
    private final Set<Integer> doubled = new TreeSet<>();
    private int missing = KEYS.size() * ROUNDS;

    Ledger(String name) {
        this.name = name;
    }

    synchronized int missing() {
        return missing;
    }

    synchronized void add(List<Record> records) {
        records.forEach(record -> add(record.partitionKey(), record.data().asUtf8String()));
    }

    private void add(String key, String data) {
        if (!data.startsWith(key + ":")) {
            throw new Lost("%s: %s came under the key %s".formatted(name, data, key));
        }
        int round = Integer.parseInt(data.substring(key.length() + 1));
        int expected = next.getOrDefault(key, 0);
        if (round > expected) {
            throw new Lost(
                    "%s: %s has no round %d, %d came instead"
                            .formatted(name, key, expected, round));
        }
        if (round < expected - 1) {
            throw new Lost("%s: %s went back to round %d".formatted(name, key, round));
        }
        if (round == expected) {
            next.put(key, expected + 1);
            missing--;
        } else {
            doubled.add(round);
        }
    }

    /** {@code retried} are the rounds in which the client sent a request more than once. */
    synchronized void check(Set<Integer> retried) {
        if (missing > 0) {
            throw new Lost("%s: %d records never came".formatted(name, missing));
        }
        Set<Integer> unexplained = new TreeSet<>(doubled);
        unexplained.removeAll(retried);
        if (!unexplained.isEmpty()) {
            throw new Lost(
                    "%s: records of the rounds %s came twice unasked".formatted(name, unexplained));
        }
        System.out.printf(
                "%s: %d records, each key in order, %d rounds doubled by retries%n",
                name, KEYS.size() * ROUNDS, doubled.size());
    }
}
