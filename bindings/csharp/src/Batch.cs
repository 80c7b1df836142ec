using System;
using System.Collections.Generic;
using System.Linq;
using HorizonLM.Internal;

namespace HorizonLM {
  /// <summary>Documents of any lengths, one behind the other; no padding is ever needed. Arrays are referred to, not copied.</summary>
  public sealed class Batch {
    /// <summary>A batch of arrays. Without offsets, one document.</summary>
    public Batch(int[] ids, long[] offsets = null) {
      Ids = Arguments.Given(ids, nameof(ids));
      Offsets = offsets ?? new long[] {0, ids.LongLength};
    }

    /// <summary>A batch of whole documents, copied one behind the other.</summary>
    public static Batch Of(params int[][] documents) {
      return Of((IEnumerable<int[]>)documents);
    }

    /// <summary>A batch of whole documents, copied one behind the other.</summary>
    public static Batch Of(IEnumerable<int[]> documents) {
      Arguments.Given(documents, nameof(documents));
      var ids = new List<int>();
      var offsets = new List<long> {0};
      foreach (int[] document in documents) {
        if (document == null) throw new ArgumentNullException(nameof(documents), "document " + (offsets.Count - 1) + " is null");
        ids.AddRange(document);
        offsets.Add(ids.Count);
      }
      return new Batch(ids.ToArray(), offsets.ToArray());
    }

    /// <summary>[n] token ids.</summary>
    public int[] Ids { get; private set; }

    /// <summary>[documents + 1]: document d has the ids from Offsets[d] up to Offsets[d + 1].</summary>
    public long[] Offsets { get; private set; }

    /// <summary>[n]; null: the ids themselves. Labels[t] is predicted from the tokens before t; -100 is not predicted.</summary>
    public int[] Labels { get; set; }

    /// <summary>[n] factors of the tokens' losses; null: 1.</summary>
    public float[] Weights { get; set; }

    /// <summary>What the sum of losses is divided by; 0: the sum of the weights of the predicted tokens.</summary>
    public double Denominator { get; set; }

    /// <summary>[n]: adds EntropyWeights[t] times the entropy of the prediction of token t; null: 0.</summary>
    public float[] EntropyWeights { get; set; }

    /// <summary>What logits are divided by before softmax; 0: 1.</summary>
    public double Temperature { get; set; }

    /// <summary>How many documents there are.</summary>
    public int Count {
      get { return Offsets.Length - 1; }
    }

    /// <summary>"Batch: 2 documents, 13 ids".</summary>
    public override string ToString() {
      return "Batch: " + Handle.Count(Count, "document") + ", " + Handle.Count(Ids.LongLength, "id");
    }

    /// <summary>Sums over each document, in double and in order, of weight * logprob and of the weights; two arrays [documents]. Reference sums made so
    /// give a first DPO loss of ln 2.</summary>
    public void SumLogprobs(float[] logprobs, double[] sums, double[] tokens) {
      Arguments.Given(logprobs, nameof(logprobs));
      Arguments.Given(sums, nameof(sums));
      Library.Load();
      Native.hlm_batch_sum_logprobs(Ids, Offsets, Labels, Weights, Denominator, EntropyWeights, Temperature, logprobs, sums, tokens);
    }

    internal static Batch Checked(Batch batch) {
      return Arguments.Given(batch, nameof(batch));
    }
  }

  /// <summary>A step of a data set. Its arrays are its own: they stay as they are.</summary>
  public sealed class Documents {
    internal Documents(Batch batch, long[] numbers, int[] desirable, long[] rows, long trained, long epoch) {
      Batch = batch;
      Numbers = numbers;
      Desirable = desirable;
      Rows = rows;
      Trained = trained;
      Epoch = epoch;
    }

    /// <summary>Ids, offsets and labels, to step on.</summary>
    public Batch Batch { get; private set; }

    /// <summary>[documents] the number of each document: its place in a column.</summary>
    public long[] Numbers { get; private set; }

    /// <summary>[documents] 0 where a label calls a document undesirable, or it is a pair's second; else 1.</summary>
    public int[] Desirable { get; private set; }

    /// <summary>[rows + 1]: row r has the documents from Rows[r] up to Rows[r + 1].</summary>
    public long[] Rows { get; private set; }

    /// <summary>Labels that are not -100.</summary>
    public long Trained { get; private set; }

    /// <summary>From 0.</summary>
    public long Epoch { get; private set; }

    /// <summary>"Documents: 2 documents, 13 ids".</summary>
    public override string ToString() {
      return "Documents: " + Handle.Count(Batch.Count, "document") + ", " + Handle.Count(Batch.Ids.LongLength, "id");
    }
  }
}
