import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** A producer as Java's users write it: BOOTSTRAP TOPIC FILE RECORDS CODEC... sends the file so often with each codec. */
public class SendImages {
    public static void main(String[] arguments) throws Exception {
        byte[] image = Files.readAllBytes(Path.of(arguments[2]));
        int records = Integer.parseInt(arguments[3]);
        for (int at = 4; at < arguments.length; at++) {
            Properties settings = new Properties();
            settings.put(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, arguments[0]);
            settings.put(ProducerConfig.COMPRESSION_TYPE_CONFIG, arguments[at]);
            settings.put(ProducerConfig.LINGER_MS_CONFIG, 50);
            settings.put(ProducerConfig.BATCH_SIZE_CONFIG, 200_000);
            settings.put(ProducerConfig.KEY_SERIALIZER_CLASS_CONFIG, ByteArraySerializer.class);
            settings.put(ProducerConfig.VALUE_SERIALIZER_CLASS_CONFIG, ByteArraySerializer.class);
            try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(settings)) {
                for (int record = 0; record < records; record++) {
                    ProducerRecord<byte[], byte[]> one = new ProducerRecord<>(arguments[1], 0, null, image);
                    one.headers().add("ce_label", arguments[at].getBytes(StandardCharsets.UTF_8));
                    producer.send(one);
                }
            }
        }
    }
}
