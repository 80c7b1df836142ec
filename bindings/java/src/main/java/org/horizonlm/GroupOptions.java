// Made by tools/options/generate.py from c_api/horizon_lm.h: change that.
package org.horizonlm;

import org.horizonlm.internal.Native;

/** Options of joining a group of processes; what is not set keeps the default of the library. */
public final class GroupOptions extends Options {
  private GroupOptions(Builder builder) {
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
    return Native.new_hlm_group_options();
  }

  @Override
  void delete(long struct) {
    Native.delete_hlm_group_options(struct);
  }

  /** Collects options. A method sets the member of hlm_group_options of its name. */
  public static final class Builder {
    private final Setters setters = new Setters();

    private Builder() {}

    /**
     * Sets timeout_seconds.
     *
     * @param value that a call waits for a process which lives but does not take part, in [0.1, 1e7]; default 1800
     * @return this
     */
    public Builder timeoutSeconds(double value) {
      setters.add(struct -> Native.hlm_group_options_timeout_seconds_set(struct, value));
      return this;
    }

    /**
     * Sets silence_seconds.
     *
     * @param value after which a process of which nothing is heard counts as hung, in [0.1, 1e7]; default 60
     * @return this
     */
    public Builder silenceSeconds(double value) {
      setters.add(struct -> Native.hlm_group_options_silence_seconds_set(struct, value));
      return this;
    }

    /**
     * Sets several_per_machine.
     *
     * @param value true: several processes of one machine may be in the group, each with the CPU as its device;
     *     default false
     * @return this
     */
    public Builder severalPerMachine(boolean value) {
      setters.add(struct -> Native.hlm_group_options_several_per_machine_set(struct, value ? 1 : 0));
      return this;
    }

    /**
     * Sets carrier.
     *
     * @param value of arrays between the processes; default AUTO; no bit depends on it
     * @return this
     */
    public Builder carrier(Carrier value) {
      Arguments.given(value, "carrier");
      setters.add(struct -> Native.hlm_group_options_carrier_set(struct, value.value()));
      return this;
    }

    /**
     * The options that were collected.
     *
     * @return the options
     */
    public GroupOptions build() {
      return new GroupOptions(this);
    }
  }
}
