package braid.sdk;

import com.google.protobuf.ByteString;

import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.awssdk.services.kinesis.model.GetRecordsResponse;
import software.amazon.awssdk.services.kinesis.model.Shard;
import software.amazon.awssdk.services.kinesis.model.ShardIteratorType;
import software.amazon.kinesis.retrieval.AggregatorUtil;
import software.amazon.kinesis.retrieval.KinesisClientRecord;
import software.amazon.kinesis.retrieval.kpl.Messages;

import java.io.ByteArrayOutputStream;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Records that the Kinesis Producer Library would put, many users' records in one, as the Kinesis
 * Client Library reads them: untouched, and after a split each user's record in the shard of its
 * hash key.
 */
final class Aggregated {
    /**
     * The public format byte for byte: "hello" under pk1, "world" under pk2 with the hash key 1234.
     */
    private static final byte[] VECTOR =
            HexFormat.of()
                    .parseHex(
                            "f3899ac20a03706b310a03706b32120431323334"
                                    + "1a0908001a0568656c6c6f1a0b080110001a05776f726c64"
                                    + "50c77b43e50e0de08eb338edbd37c821");

    private static final int USERS = 100;
    private static final BigInteger STEP =
            BigInteger.TWO.pow(128).divide(BigInteger.valueOf(USERS)).add(BigInteger.ONE);

    private final Stream stream;
    private String consumer;

    private Aggregated(Stream stream) {
        this.stream = stream;
    }

    static void run(KinesisAsyncClient client) {
        new Aggregated(new Stream(client, "aggregated-java")).go();
    }

    private void go() {
        stream.create(1);
        consumer = stream.register("kcl");
        Shard parent = stream.openShards().get(0);
        byte[] everybody = aggregate(0, USERS);
        put(VECTOR, BigInteger.ZERO);
        put(everybody, BigInteger.ZERO);
        stream.split(parent);
        // A producer that has not heard of the split puts all in the child of the first hash key.
        // It sees in
        // the answer that the shard is another one, and puts them again; the client library leaves
        // out a
        // record of which a part belongs elsewhere.
        put(everybody, BigInteger.ZERO);
        byte[] lower = aggregate(0, USERS / 2);
        put(lower, BigInteger.ZERO);
        byte[] upper = aggregate(USERS / 2, USERS);
        put(upper, hashKey(USERS / 2));

        List<Shard> children = stream.openShards();
        List<String> all = new ArrayList<>(List.of("hello", "world"));
        all.addAll(users(0, USERS));
        expect(parent, List.of(VECTOR, everybody), all);
        expect(children.get(0), List.of(everybody, lower), users(0, USERS / 2));
        expect(children.get(1), List.of(upper), users(USERS / 2, USERS));
        stream.delete();
        System.out.printf(
                "aggregated: %d records of users in 5 records, untouched, each in its shard%n",
                all.size() + USERS);
    }

    private static BigInteger hashKey(int user) {
        return STEP.multiply(BigInteger.valueOf(user));
    }

    private static List<String> users(int from, int end) {
        return IntStream.range(from, end).mapToObj(user -> "user-" + user).toList();
    }

    /** As the producer library writes it: magic, protobuf, MD5 of the protobuf. */
    private static byte[] aggregate(int from, int end) {
        Messages.AggregatedRecord.Builder message = Messages.AggregatedRecord.newBuilder();
        for (int user = from; user < end; user++) {
            message.addPartitionKeyTable("key of user-" + user);
            message.addExplicitHashKeyTable(hashKey(user).toString());
            message.addRecords(
                    Messages.Record.newBuilder()
                            .setPartitionKeyIndex(user - from)
                            .setExplicitHashKeyIndex(user - from)
                            .setData(ByteString.copyFromUtf8("user-" + user)));
        }
        byte[] body = message.build().toByteArray();
        ByteArrayOutputStream whole = new ByteArrayOutputStream();
        whole.writeBytes(AggregatorUtil.AGGREGATED_RECORD_MAGIC);
        whole.writeBytes(body);
        whole.writeBytes(md5(body));
        return whole.toByteArray();
    }

    private static byte[] md5(byte[] bytes) {
        try {
            return MessageDigest.getInstance("MD5").digest(bytes);
        } catch (NoSuchAlgorithmException missing) {
            throw new IllegalStateException(missing);
        }
    }

    private void put(byte[] data, BigInteger hashKey) {
        stream.client()
                .putRecord(
                        request ->
                                request.streamName(stream.name())
                                        .partitionKey("a")
                                        .explicitHashKey(hashKey.toString())
                                        .data(SdkBytes.fromByteArray(data)))
                .join();
    }

    /**
     * Read both ways the shard holds these records, and in them these users' records, in this
     * order.
     */
    private void expect(Shard shard, List<byte[]> records, List<String> users) {
        check(shard, "polled", poll(shard), records, users);
        check(
                shard,
                "pushed",
                ClientLibrary.receive(stream, shard.shardId(), consumer, records.size()),
                records,
                users);
    }

    private static void check(
            Shard shard,
            String how,
            List<KinesisClientRecord> got,
            List<byte[]> records,
            List<String> users) {
        List<ByteBuffer> bytes = got.stream().map(record -> record.data().duplicate()).toList();
        if (!bytes.equals(records.stream().map(ByteBuffer::wrap).toList())) {
            throw new Lost("%s, %s: not the bytes that were put".formatted(shard.shardId(), how));
        }
        List<String> found =
                new AggregatorUtil()
                        .deaggregate(got, Stream.start(shard), Stream.end(shard)).stream()
                                .map(
                                        record ->
                                                SdkBytes.fromByteBuffer(record.data())
                                                        .asUtf8String())
                                .toList();
        if (!found.equals(users)) {
            throw new Lost(
                    "%s, %s: the users' records %s, not %s"
                            .formatted(shard.shardId(), how, found, users));
        }
    }

    private List<KinesisClientRecord> poll(Shard shard) {
        String iterator =
                stream.client()
                        .getShardIterator(
                                request ->
                                        request.streamName(stream.name())
                                                .shardId(shard.shardId())
                                                .shardIteratorType(ShardIteratorType.TRIM_HORIZON))
                        .join()
                        .shardIterator();
        List<KinesisClientRecord> records = new ArrayList<>();
        GetRecordsResponse answer;
        do {
            String from = iterator;
            answer = stream.client().getRecords(request -> request.shardIterator(from)).join();
            answer.records().forEach(record -> records.add(KinesisClientRecord.fromRecord(record)));
            iterator = answer.nextShardIterator();
        } while (iterator != null && answer.millisBehindLatest() > 0);
        return records;
    }
}
