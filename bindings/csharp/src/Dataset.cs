using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using HorizonLM.Internal;

namespace HorizonLM {
  /// <summary>Files of examples as steps of documents. They are read in the formats people have, tokenized once and kept, shuffled, mixed, split and packed;
  /// docs/datasets.md describes the config.</summary>
  public sealed class Dataset : Handle {
    private delegate void Step(SafeHandle box, out IntPtr step);

    private Dataset(IntPtr box) : base(box, Native.hlm_dataset_close, Native.hlm_dataset_closed, Native.hlm_dataset_release) {}

    /// <summary>Opens what a config says. Text needs a tokenizer, conversations a template; the config's "model" names a folder that has both. They may be
    /// disposed afterwards. InvalidArgument naming file and line for a damaged record or an unknown key.</summary>
    public static Dataset Open(string configJson, Tokenizer tokenizer = null, Template template = null) {
      Library.Load();
      IntPtr box;
      Native.hlm_dataset_open(Text.Encode(configJson, nameof(configJson)), OrNone(tokenizer), OrNone(template), out box);
      return new Dataset(box);
    }

    /// <summary>Record `index` of the files, from 0, as a data set of this config would read it. Nothing is tokenized.</summary>
    public static IReadOnlyDictionary<string, object> ReadRecord(string configJson, long index) {
      Library.Load();
      IntPtr text;
      Native.hlm_dataset_read_record(Text.Encode(configJson, nameof(configJson)), index, out text);
      return Json.Object(Text.Take(text));
    }

    /// <summary>What was read: "records", "documents", "tokens", "rows" (an epoch), "column_length", "cache" and more.</summary>
    public IReadOnlyDictionary<string, object> Describe() {
      IntPtr text;
      Native.hlm_dataset_describe(Box, out text);
      return Json.Object(Text.Take(text));
    }

    internal override string About() {
      var about = Describe();
      return Count(about["documents"], "document") + ", " + Count(about["tokens"], "token");
    }

    /// <summary>The next step: what `rows` rows of seq_len tokens hold (a plan's batch size). Null at the end of the last epoch.</summary>
    public Documents Next(long rows) {
      return Take((SafeHandle box, out IntPtr step) => Native.hlm_dataset_next(box, rows, out step));
    }

    /// <summary>The steps that are left: without end where the config's "epochs" is 0, the default (then Take so many).</summary>
    public IEnumerable<Documents> Steps(long rows) {
      for (Documents step = Next(rows); step != null; step = Next(rows)) yield return step;
    }

    /// <summary>For KTO: the last step with answers moved on to another prompt. Null where it has one prompt.</summary>
    public Documents Mismatched() {
      return Take(Native.hlm_dataset_mismatched);
    }

    private Documents Take(Step call) {
      IntPtr found;
      call(Box, out found);
      if (found == IntPtr.Zero) return null;
      using (var step = new Box(found, Native.hlm_documents_release)) {
        var sizes = new double[5];
        Native.hlm_documents_describe(step, sizes);
        int ids = (int)sizes[0], documents = (int)sizes[1];
        var batch = new Batch(new int[ids], new long[documents + 1]) {Labels = new int[ids]};
        var taken = new Documents(batch, new long[documents], new int[documents], new long[(int)sizes[2]], (long)sizes[3], (long)sizes[4]);
        Native.hlm_documents_copy(step, batch.Ids, batch.Offsets, batch.Labels, taken.Numbers, taken.Desirable, taken.Rows);
        return taken;
      }
    }

    /// <summary>Where the next step begins: for a checkpoint's UserData.</summary>
    public string Position() {
      IntPtr text;
      Native.hlm_dataset_position(Box, out text);
      return Text.Take(text);
    }

    /// <summary>Goes to such a place: what follows is what followed then. FailedPrecondition where files or options are others.</summary>
    public void Seek(string position) {
      Native.hlm_dataset_seek(Box, Text.Encode(position, nameof(position)));
    }

    /// <summary>Keeps a number for each document ([column_length]) in the cache, as log-probabilities of a reference. key: what they were computed
    /// with.</summary>
    public void WriteColumn(string name, string key, float[] values) {
      Arguments.Given(values, nameof(values));
      Native.hlm_dataset_write_column(Box, Text.Encode(name, nameof(name)), Text.Encode(key, nameof(key)), values);
    }

    /// <summary>What WriteColumn kept. NotFound where there is none.</summary>
    public float[] ReadColumn(string name, string key) {
      var values = new float[Convert.ToInt64(Describe()["column_length"])];
      Native.hlm_dataset_read_column(Box, Text.Encode(name, nameof(name)), Text.Encode(key, nameof(key)), values);
      return values;
    }
  }
}
