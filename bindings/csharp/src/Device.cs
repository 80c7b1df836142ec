using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using HorizonLM.Internal;

namespace HorizonLM {
  /// <summary>A device of this machine.</summary>
  public sealed class Device {
    private Device(object json) {
      Details = (IReadOnlyDictionary<string, object>)json;
      Name = (string)Details["name"];
      Description = (string)Details["description"];
      MemoryBytes = Convert.ToInt64(Details["memory_bytes"]);
    }

    /// <summary>"cpu", "cuda:0".</summary>
    public string Name { get; private set; }

    /// <summary>What it is.</summary>
    public string Description { get; private set; }

    /// <summary>The bytes that it has.</summary>
    public long MemoryBytes { get; private set; }

    /// <summary>All that is known of it; of one that was asked for also the "reason".</summary>
    public IReadOnlyDictionary<string, object> Details { get; private set; }

    /// <summary>"Device: cuda:0, NVIDIA H200, 139.81 GiB".</summary>
    public override string ToString() {
      return string.Format(CultureInfo.InvariantCulture, "Device: {0}, {1}, {2:F2} GiB", Name, Description, MemoryBytes / (double)(1L << 30));
    }

    /// <summary>The devices that can be used, the CPU last.</summary>
    public static IReadOnlyList<Device> List() {
      Library.Load();
      IntPtr text;
      Native.hlm_device_list(out text);
      return ((IReadOnlyList<object>)Json.Read(Text.Take(text))).Select(one => new Device(one)).ToList();
    }

    /// <summary>The device that a name ("auto", "cpu", "cuda:0") stands for. NotFound for a name that is no device, Unavailable for one that cannot be used
    /// here.</summary>
    public static Device Describe(string name = "auto") {
      Library.Load();
      IntPtr text;
      Native.hlm_device_describe(Text.Encode(name, nameof(name)), out text);
      return new Device(Json.Read(Text.Take(text)));
    }

    /// <summary>A device and its host as PlanOptions.MachineJson takes them: to plan for this machine elsewhere.</summary>
    public static string MachineJson(string name = "auto") {
      Library.Load();
      IntPtr text;
      Native.hlm_device_machine(Text.Encode(name, nameof(name)), out text);
      return Text.Take(text);
    }
  }
}
