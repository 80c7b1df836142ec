package org.horizonlm;

import java.util.List;
import java.util.Map;
import org.horizonlm.internal.Native;

/**
 * A device of this machine.
 *
 * @param name "cpu", "cuda:0"
 * @param description what it is
 * @param memoryBytes its memory
 * @param details everything that the library says of it
 */
public record Device(String name, String description, long memoryBytes, Map<String, Object> details) {
  @SuppressWarnings("unchecked")
  private static Device of(Object json) {
    Map<String, Object> details = (Map<String, Object>) json;
    return new Device(
        String.valueOf(details.get("name")),
        String.valueOf(details.get("description")),
        details.get("memory_bytes") instanceof Number number ? number.longValue() : 0,
        details);
  }

  /**
   * The devices that can be used, the CPU last.
   *
   * @return the devices
   */
  public static List<Device> list() {
    NativeLibrary.load();
    return ((List<?>) Text.parse(Text.of(Native::hlm_device_list))).stream().map(Device::of).toList();
  }

  /**
   * The device that a name stands for; the detail "reason" says why.
   *
   * @param name "auto", "cpu", "cuda:0"
   * @return the device
   * @throws HorizonLmException NOT_FOUND for a name that is no device, UNAVAILABLE for one that cannot be used here
   */
  public static Device describe(String name) {
    NativeLibrary.load();
    byte[] text = Text.encode(name, "name");
    return of(Text.parse(Text.of(out -> Native.hlm_device_describe(text, out))));
  }

  /**
   * A device and its host as the JSON that {@link PlanOptions.Builder#machineJson} takes: to plan for this machine elsewhere.
   *
   * @param name "auto", "cpu", "cuda:0"
   * @return JSON
   * @throws HorizonLmException as describe
   */
  public static String machineJson(String name) {
    NativeLibrary.load();
    byte[] text = Text.encode(name, "name");
    return Text.of(out -> Native.hlm_device_machine(text, out));
  }
}
