package braid.sdk;

/** A sentence for whoever runs the program: what is missing, out of order, or there twice. */
final class Lost extends RuntimeException {
    private static final long serialVersionUID = 1;

    Lost(String sentence) {
        super(sentence);
    }
}
