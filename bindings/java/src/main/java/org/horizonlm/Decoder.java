package org.horizonlm;

import java.nio.IntBuffer;
import org.horizonlm.internal.Native;

/**
 * Decodes ids as they are generated; {@link Tokenizer#decoder} makes one. The texts of push and finish, one behind the other, are what {@link Tokenizer#decode} makes of all ids.
 */
public final class Decoder extends Handle {
  Decoder(long box) {
    super(box, Native::hlm_decoder_close, Native::hlm_decoder_closed, Native::hlm_decoder_free);
  }

  /**
   * Takes ids.
   *
   * @param ids the next ones
   * @return the text that they complete: whole characters, often none
   */
  public String push(int... ids) {
    IntBuffer in = Buffers.ints(Arguments.given(ids, "ids"));
    return get(box -> Text.of(out -> Native.hlm_decoder_push(box, in, out)));
  }

  /**
   * Ends the text; then the decoder is as new.
   *
   * @return what is left
   */
  public String finish() {
    return get(box -> Text.of(out -> Native.hlm_decoder_finish(box, out)));
  }
}
