package org.horizonlm;

import java.nio.IntBuffer;
import java.nio.LongBuffer;
import java.nio.file.Path;
import java.util.Map;
import org.horizonlm.internal.Native;

/** Text to token ids and back, as a Hugging Face tokenizer.json says. Any number of threads may use one at the same time. */
public final class Tokenizer extends Handle {
  private static final EncodeOptions DEFAULTS = EncodeOptions.builder().build();
  // Room for the ids of short texts: a direct buffer of its own for each would cost more than the text.
  private static final int SHORT = 1 << 14;
  private static final ThreadLocal<IntBuffer> SCRATCH = ThreadLocal.withInitial(() -> Buffers.ints(SHORT));

  private Tokenizer(long box) {
    super(box, Native::hlm_tokenizer_close, Native::hlm_tokenizer_closed, Native::hlm_tokenizer_free);
  }

  /**
   * Opens a folder with tokenizer.json, or the file.
   *
   * @param path the folder or the file
   * @return the tokenizer
   * @throws HorizonLmException NOT_FOUND where there is none, INVALID_ARGUMENT naming file and byte for damaged ones, UNIMPLEMENTED naming a component that is not known
   */
  public static Tokenizer open(Path path) {
    NativeLibrary.load();
    byte[] text = Text.encode(path, "path");
    long[] out = new long[1];
    Native.hlm_tokenizer_open(text, out);
    return new Tokenizer(out[0]);
  }

  /**
   * What the tokenizer is, as JSON.
   *
   * @return "model", "vocab_size", "max_id", "special_tokens" and more
   */
  public String describeJson() {
    return get(box -> Text.of(out -> Native.hlm_tokenizer_describe(box, out)));
  }

  /**
   * What the tokenizer is: describeJson, read.
   *
   * @return maps, lists, strings, Long and Double
   */
  @SuppressWarnings("unchecked")
  public Map<String, Object> describe() {
    return (Map<String, Object>) Text.parse(describeJson());
  }

  @Override
  String about() {
    Map<String, Object> is = describe();
    return is.get("model") + ", " + count(is.get("vocab_size"), "token");
  }

  /**
   * The ids of a text.
   *
   * @param text any characters
   * @return the ids
   */
  public int[] encode(String text) {
    return encode(text, null);
  }

  /**
   * The ids of a text.
   *
   * @param text any characters
   * @param options may be null
   * @return the ids
   * @throws IllegalArgumentException for half a surrogate pair
   */
  public int[] encode(String text, EncodeOptions options) {
    byte[] bytes = Text.utf8(text, "text");
    IntBuffer ids = room(bytes);
    int n = (int) count(bytes, options, ids, null);
    if (n > ids.capacity()) { // a normalizer that makes texts longer
      ids = Buffers.ints(n);
      count(bytes, options, ids, null);
    }
    int[] result = new int[n];
    ids.get(0, result);
    return result;
  }

  /**
   * Writes the ids of a text into a buffer, from its position on, which is moved behind them: texts become a batch without a copy.
   *
   * @param text any characters
   * @param options may be null
   * @param ids is written to
   * @return how many ids there are
   * @throws HorizonLmException OUT_OF_RANGE, naming how many there are, where they do not fit; nothing is written then
   */
  public int encode(String text, EncodeOptions options, IntBuffer ids) {
    byte[] bytes = Text.utf8(text, "text");
    IntBuffer out = Buffers.out(Arguments.given(ids, "ids"), "ids");
    long n = count(bytes, options, out, null);
    if (n > out.capacity()) {
      throw new HorizonLmException(Code.OUT_OF_RANGE, "the text has " + n + " ids; " + out.capacity() + " fit into the buffer");
    }
    ids.position(ids.position() + (int) n);
    return (int) n;
  }

  /**
   * The ids of a text, and where each comes from.
   *
   * @param text any characters
   * @param options may be null; offsets count UTF-16 then, as String does
   * @return ids and offsets
   */
  public Encoding encodeWithOffsets(String text, EncodeOptions options) {
    byte[] bytes = Text.utf8(text, "text");
    IntBuffer ids = room(bytes);
    LongBuffer offsets = Buffers.longs(Math.multiplyExact(2, ids.capacity()));
    int n = (int) count(bytes, options, ids, offsets);
    if (n > ids.capacity()) {
      ids = Buffers.ints(n);
      offsets = Buffers.longs(Math.multiplyExact(2, n));
      count(bytes, options, ids, offsets);
    }
    Encoding result = new Encoding(new int[n], new long[2 * n]);
    ids.get(0, result.ids());
    offsets.get(0, result.offsets());
    return result;
  }

  private static IntBuffer room(byte[] bytes) {
    int room = Math.addExact(bytes.length, 16);
    return room <= SHORT ? SCRATCH.get().slice(0, room) : Buffers.ints(room);
  }

  // Writes ids and offsets where they fit; how many there are, in any case.
  private long count(byte[] bytes, EncodeOptions options, IntBuffer ids, LongBuffer offsets) {
    EncodeOptions own = options == null ? DEFAULTS : options;
    long[] n = new long[1];
    run(box -> Options.with(own, struct -> {
      try {
        Native.hlm_tokenizer_encode(box, bytes, struct, own.plain(), ids, offsets, n);
      } catch (HorizonLmException error) {
        if (error.code() != Code.OUT_OF_RANGE) {
          throw error;
        }
        Native.hlm_tokenizer_encode(box, bytes, struct, own.plain(), null, null, n);
      }
    }));
    return n[0];
  }

  /**
   * The text of ids. Bytes that make no characters become U+FFFD.
   *
   * @param ids from position to limit
   * @param skipSpecialTokens whether to leave special tokens out
   * @return the text
   */
  public String decode(IntBuffer ids, boolean skipSpecialTokens) {
    IntBuffer in = Buffers.in(Arguments.given(ids, "ids"), "ids");
    return get(box -> Text.of(out -> Native.hlm_tokenizer_decode(box, in, skipSpecialTokens ? 1 : 0, out)));
  }

  /**
   * The text of ids.
   *
   * @param ids are copied
   * @param skipSpecialTokens whether to leave special tokens out
   * @return the text
   */
  public String decode(int[] ids, boolean skipSpecialTokens) {
    return decode(Buffers.ints(Arguments.given(ids, "ids")), skipSpecialTokens);
  }

  /**
   * A token as the file spells it.
   *
   * @param id its id
   * @return the token
   * @throws HorizonLmException NOT_FOUND for an id that stands for nothing
   */
  public String token(int id) {
    return get(box -> Text.of(out -> Native.hlm_tokenizer_token(box, id, out)));
  }

  /**
   * The id of a token.
   *
   * @param token as the file spells it
   * @return its id
   * @throws HorizonLmException NOT_FOUND where there is none
   */
  public int id(String token) {
    byte[] text = Text.utf8(token, "token");
    int[] out = new int[1];
    run(box -> Native.hlm_tokenizer_id(box, text, out));
    return out[0];
  }

  /**
   * A decoder for ids as they are generated.
   *
   * @param skipSpecialTokens whether to leave special tokens out
   * @return the decoder; the tokenizer may be closed before it
   */
  public Decoder decoder(boolean skipSpecialTokens) {
    long[] out = new long[1];
    run(box -> Native.hlm_decoder_create(box, skipSpecialTokens ? 1 : 0, out));
    return new Decoder(out[0]);
  }
}
