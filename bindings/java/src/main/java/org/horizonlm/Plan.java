package org.horizonlm;

import java.util.Locale;
import java.util.Map;
import org.horizonlm.internal.Native;

/** Everything that a run will do with memory, fixed before the first byte is allocated. */
public final class Plan extends Handle {
  private Plan(long box) {
    super(box, Native::hlm_plan_close, Native::hlm_plan_closed, Native::hlm_plan_free);
  }

  /**
   * Makes a plan with the default options.
   *
   * @param model the model
   * @return the plan
   */
  public static Plan make(Model model) {
    return make(model, null);
  }

  /**
   * Makes a plan; allocates nothing.
   *
   * @param model the model
   * @param options may be null
   * @return the plan
   * @throws HorizonLmException RESOURCE_EXHAUSTED, with the bytes needed and what to change, where the model does not fit; INVALID_ARGUMENT for options that contradict each other
   */
  public static Plan make(Model model, PlanOptions options) {
    long[] out = new long[1];
    Arguments.given(model, "model").run(box -> Options.with(options, struct -> Native.hlm_plan_make(box, struct, out)));
    return new Plan(out[0]);
  }

  /**
   * The whole plan; docs/plan.md lists its keys.
   *
   * @return a JSON object
   */
  public String json() {
    return get(box -> Text.of(out -> Native.hlm_plan_json(box, out)));
  }

  /**
   * The whole plan: json, read.
   *
   * @return maps, lists, strings, Long and Double
   */
  @SuppressWarnings("unchecked")
  public Map<String, Object> describe() {
    return (Map<String, Object>) Text.parse(json());
  }

  @Override
  String about() {
    double gib = 1L << 30;
    return String.format(Locale.ROOT, "%.2f GiB of host memory, %.2f GiB on %s", value("host_bytes") / gib, value("device_bytes") / gib, describe().get("device"));
  }

  /**
   * One whole number of the plan.
   *
   * @param key as "host_bytes"
   * @return the number
   * @throws HorizonLmException NOT_FOUND for a key that is not there or not a number
   */
  public long value(String key) {
    byte[] text = Text.encode(key, "key");
    long[] out = new long[1];
    run(box -> Native.hlm_plan_value(box, text, out));
    return out[0];
  }

  /**
   * Times the matrix products of one step alone. Takes some seconds.
   *
   * @return a JSON object with seconds of one step for each product and their sum
   */
  public String timeProductsJson() {
    return get(box -> Text.of(out -> Native.hlm_plan_time_products(box, out)));
  }
}
