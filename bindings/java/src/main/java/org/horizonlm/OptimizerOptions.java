// Made by tools/options/generate.py from c_api/horizon_lm.h: change that.
package org.horizonlm;

import org.horizonlm.internal.Native;

/** Options of an {@link Optimizer}; what is not set keeps the default of the library. */
public final class OptimizerOptions extends Options {
  private OptimizerOptions(Builder builder) {
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
    return Native.new_hlm_optimizer_options();
  }

  @Override
  void delete(long struct) {
    Native.delete_hlm_optimizer_options(struct);
  }

  /** Collects options. A method sets the member of hlm_optimizer_options of its name. */
  public static final class Builder {
    private final Setters setters = new Setters();

    private Builder() {}

    /**
     * Sets beta1.
     *
     * @param value defaults as in hlm_trainer_options
     * @return this
     */
    public Builder beta1(double value) {
      setters.add(struct -> Native.hlm_optimizer_options_beta1_set(struct, value));
      return this;
    }

    /**
     * Sets beta2.
     *
     * @param value defaults as in hlm_trainer_options
     * @return this
     */
    public Builder beta2(double value) {
      setters.add(struct -> Native.hlm_optimizer_options_beta2_set(struct, value));
      return this;
    }

    /**
     * Sets eps.
     *
     * @param value defaults as in hlm_trainer_options
     * @return this
     */
    public Builder eps(double value) {
      setters.add(struct -> Native.hlm_optimizer_options_eps_set(struct, value));
      return this;
    }

    /**
     * Sets weight_decay.
     *
     * @param value defaults as in hlm_trainer_options
     * @return this
     */
    public Builder weightDecay(double value) {
      setters.add(struct -> Native.hlm_optimizer_options_weight_decay_set(struct, value));
      return this;
    }

    /**
     * Sets threads.
     *
     * @param value at most 1024; 0: as many as the process may use
     * @return this
     */
    public Builder threads(long value) {
      setters.add(struct -> Native.hlm_optimizer_options_threads_set(struct, value));
      return this;
    }

    /**
     * Sets algorithm.
     *
     * @param value how a step changes the weights; default ADAMW
     * @return this
     */
    public Builder algorithm(OptimizerAlgorithm value) {
      Arguments.given(value, "algorithm");
      setters.add(struct -> Native.hlm_optimizer_options_algorithm_set(struct, value.value()));
      return this;
    }

    /**
     * Sets states.
     *
     * @param value how moments are stored, not AUTO; default F32
     * @return this
     */
    public Builder states(States value) {
      Arguments.given(value, "states");
      setters.add(struct -> Native.hlm_optimizer_options_states_set(struct, value.value()));
      return this;
    }

    /**
     * Sets optimizer_path.
     *
     * @param value what an update is made of; default AUTO, which is FUSED here
     * @return this
     */
    public Builder optimizerPath(OptimizerPath value) {
      Arguments.given(value, "optimizerPath");
      setters.add(struct -> Native.hlm_optimizer_options_optimizer_path_set(struct, value.value()));
      return this;
    }

    /**
     * The options that were collected.
     *
     * @return the options
     */
    public OptimizerOptions build() {
      return new OptimizerOptions(this);
    }
  }
}
