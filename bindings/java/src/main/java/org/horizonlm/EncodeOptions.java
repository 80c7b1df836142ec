// Made by tools/options/generate.py from c_api/horizon_lm.h: change that.
package org.horizonlm;

import java.nio.LongBuffer;
import org.horizonlm.internal.Native;

/** Options of encoding by a {@link Tokenizer}; what is not set keeps the default of the library. */
public final class EncodeOptions extends Options {
  private final LongBuffer plain;

  private EncodeOptions(Builder builder) {
    super(builder.setters);
    plain = builder.plain;
  }

  /**
   * Begins with the defaults.
   *
   * @return a builder
   */
  public static Builder builder() {
    return new Builder();
  }

  LongBuffer plain() {
    return plain;
  }

  @Override
  long create() {
    return Native.new_hlm_encode_options();
  }

  @Override
  void delete(long struct) {
    Native.delete_hlm_encode_options(struct);
  }

  /** Collects options. A method sets the member of hlm_encode_options of its name. */
  public static final class Builder {
    private final Setters setters = new Setters();
    private LongBuffer plain;

    private Builder() {
      offsetsIn(OffsetUnit.UTF16);
    }

    /**
     * Sets add_special_tokens.
     *
     * @param value true (default): BOS and the like, as the file says; false: for text that a chat template made
     * @return this
     */
    public Builder addSpecialTokens(boolean value) {
      setters.add(struct -> Native.hlm_encode_options_add_special_tokens_set(struct, value ? 1 : 0));
      return this;
    }

    /**
     * Sets offsets_in.
     *
     * @param value what offsets count; default UTF16, as String does
     * @return this
     */
    public Builder offsetsIn(OffsetUnit value) {
      Arguments.given(value, "offsetsIn");
      setters.add(struct -> Native.hlm_encode_options_offsets_in_set(struct, value.value()));
      return this;
    }

    /**
     * Sets plain_added.
     *
     * @param value true: in those spans no added token is matched at all, special or not; default false
     * @return this
     */
    public Builder plainAdded(boolean value) {
      setters.add(struct -> Native.hlm_encode_options_plain_added_set(struct, value ? 1 : 0));
      return this;
    }

    /**
     * Sets trim_offsets.
     *
     * @param value true: spaces at the ends of a token do not belong to it where the file says so; default false
     * @return this
     */
    public Builder trimOffsets(boolean value) {
      setters.add(struct -> Native.hlm_encode_options_trim_offsets_set(struct, value ? 1 : 0));
      return this;
    }

    /**
     * Sets one_beginning.
     *
     * @param value true: what add_special_tokens puts before a text (BOS) is there once where the text begins with
     *     it already, as one that was rendered does; default false: twice
     * @return this
     */
    public Builder oneBeginning(boolean value) {
      setters.add(struct -> Native.hlm_encode_options_one_beginning_set(struct, value ? 1 : 0));
      return this;
    }

    /**
     * Sets plain.
     *
     * @param spans begin and end, by turns, of spans of bytes that are somebody's input: no special token is matched
     *     that touches one. Rising, not overlapping
     * @return this
     */
    public Builder plain(long... spans) {
      plain = Buffers.longs(Arguments.given(spans, "spans"));
      return this;
    }

    /**
     * The options that were collected.
     *
     * @return the options
     */
    public EncodeOptions build() {
      return new EncodeOptions(this);
    }
  }
}
