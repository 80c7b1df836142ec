// Made by tools/options/generate.py from c_api/horizon_lm.h: change that.
package org.horizonlm;

import org.horizonlm.internal.Native;

/** Options of resuming; what is not set keeps the default of the library. */
public final class ResumeOptions extends Options {
  private ResumeOptions(Builder builder) {
    super(builder.setters);
  }

  /**
   * Begins with the defaults.
   *
   * @return a builder
   */
  public static Builder builder() {
    return new Builder();
  }

  @Override
  long create() {
    return Native.new_hlm_resume_options();
  }

  @Override
  void delete(long struct) {
    Native.delete_hlm_resume_options(struct);
  }

  /** Collects options. A method sets the member of hlm_resume_options of its name. */
  public static final class Builder {
    private final Setters setters = new Setters();

    private Builder() {}

    /**
     * Sets allow_numerics_change.
     *
     * @param value true: go on where the plan's numerics differ from the checkpoint's (another device, other
     *     sweeps): the run continues within rounding, not bit for bit; default false
     * @return this
     */
    public Builder allowNumericsChange(boolean value) {
      setters.add(struct -> Native.hlm_resume_options_allow_numerics_change_set(struct, value ? 1 : 0));
      return this;
    }

    /**
     * The options that were collected.
     *
     * @return the options
     */
    public ResumeOptions build() {
      return new ResumeOptions(this);
    }
  }
}
