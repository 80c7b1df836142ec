using System;
using System.Collections.Generic;
using System.Globalization;
using HorizonLM.Internal;

namespace HorizonLM {
  /// <summary>A model: mathematics, and where the weights come from. It holds no weights: a Trainer loads them.</summary>
  public sealed class Model : Handle {
    private Model(IntPtr box) : base(box, Native.hlm_model_close, Native.hlm_model_closed, Native.hlm_model_release) {}

    /// <summary>Opens a Hugging Face folder (config.json and safetensors). NotFound for missing files, Unimplemented for an architecture that is not known,
    /// InvalidArgument or DataLoss for damaged files.</summary>
    public static Model Open(string folder) {
      Library.Load();
      IntPtr box;
      Native.hlm_model_open(Text.Encode(folder, nameof(folder)), out box);
      return new Model(box);
    }

    /// <summary>A model of the text of a config.json, with weights drawn from `seed`.</summary>
    public static Model Create(string configJson, long seed = 0) {
      Library.Load();
      IntPtr box;
      Native.hlm_model_create(Text.Encode(configJson, nameof(configJson)), seed, out box);
      return new Model(box);
    }

    /// <summary>What the model is, as JSON.</summary>
    public string DescribeJson() {
      IntPtr text;
      Native.hlm_model_describe(Box, out text);
      return Text.Take(text);
    }

    /// <summary>What the model is: "architecture", "parameters", "vocab_size", "tensors" (each with "name", "shape", "unit") and more.</summary>
    public IReadOnlyDictionary<string, object> Describe() {
      return Json.Object(DescribeJson());
    }

    internal override string About() {
      var about = Describe();
      return about["architecture"] + ", " + Count(about["parameters"], "parameter");
    }

    /// <summary>The model with other words: what is saved of it, or of a Trainer of it, has the tokenizer, the chat templates and the ids that end a
    /// generation given here.</summary>
    public Model WithText(TextOptions options) {
      IntPtr box = IntPtr.Zero;
      Options.With(options, own => Native.hlm_model_with_text(Box, own, out box));
      return new Model(box);
    }

    /// <summary>The bytes that Save, or Trainer.SaveModel, will take; it fails before a training by what they would fail by after it. Nothing is
    /// written.</summary>
    public long CheckSave(string folder, SaveOptions options = null) {
      long bytes = 0;
      byte[] text = Text.Encode(folder, nameof(folder));
      Options.With(options, own => Native.hlm_model_check_save(Box, text, own, out bytes));
      return bytes;
    }

    /// <summary>Writes the model with its original weights as a Hugging Face folder. AlreadyExists where it is not empty.</summary>
    public void Save(string folder, SaveOptions options = null) {
      byte[] text = Text.Encode(folder, nameof(folder));
      Options.With(options, own => Native.hlm_model_save(Box, text, own));
    }
  }

  /// <summary>A plan: everything that a run will do with memory, before the first byte is allocated.</summary>
  public sealed class Plan : Handle {
    private Plan(IntPtr box) : base(box, Native.hlm_plan_close, Native.hlm_plan_closed, Native.hlm_plan_release) {}

    /// <summary>A plan for a model. ResourceExhausted, with the bytes needed and what to change, where it does not fit.</summary>
    public static Plan Make(Model model, PlanOptions options = null) {
      IntPtr box = IntPtr.Zero;
      var own = Of(model, nameof(model));
      Options.With(options, native => Native.hlm_plan_make(own, native, out box));
      return new Plan(box);
    }

    /// <summary>The whole plan, as JSON; docs/plan.md lists its keys.</summary>
    public string ToJson() {
      IntPtr text;
      Native.hlm_plan_json(Box, out text);
      return Text.Take(text);
    }

    /// <summary>The whole plan; docs/plan.md lists its keys.</summary>
    public IReadOnlyDictionary<string, object> Describe() {
      return Json.Object(ToJson());
    }

    internal override string About() {
      const double gib = 1L << 30;
      return string.Format(CultureInfo.InvariantCulture, "{0:F2} GiB of host memory, {1:F2} GiB on {2}", Value("host_bytes") / gib, Value("device_bytes") / gib,
                           Describe()["device"]);
    }

    /// <summary>One whole number of the plan, as "host_bytes". NotFound for a key that is not there or not a number.</summary>
    public long Value(string key) {
      long value;
      Native.hlm_plan_value(Box, Text.Encode(key, nameof(key)), out value);
      return value;
    }

    /// <summary>Times the matrix products of one step alone, in seconds. Takes some seconds.</summary>
    public IReadOnlyDictionary<string, object> TimeProducts() {
      IntPtr text;
      Native.hlm_plan_time_products(Box, out text);
      return Json.Object(Text.Take(text));
    }
  }
}
