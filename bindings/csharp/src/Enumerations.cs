// Made by tools/options/generate.py from c_api/horizon_lm.h: change that.
using HorizonLM.Internal;

namespace HorizonLM {
  /// <summary>The constants HLM_DTYPE_... of horizon_lm.h, which explains each.</summary>
  public enum DType {
    /// <summary>HLM_DTYPE_F32</summary>
    F32 = Native.HLM_DTYPE_F32,
    /// <summary>HLM_DTYPE_BF16</summary>
    BF16 = Native.HLM_DTYPE_BF16,
    /// <summary>HLM_DTYPE_F16</summary>
    F16 = Native.HLM_DTYPE_F16,
    /// <summary>HLM_DTYPE_AUTO</summary>
    Auto = Native.HLM_DTYPE_AUTO,
    /// <summary>HLM_DTYPE_SOURCE</summary>
    Source = Native.HLM_DTYPE_SOURCE,
  }

  /// <summary>The constants HLM_OFFSETS_... of horizon_lm.h, which explains each.</summary>
  public enum OffsetUnit {
    /// <summary>HLM_OFFSETS_BYTES</summary>
    Bytes = Native.HLM_OFFSETS_BYTES,
    /// <summary>HLM_OFFSETS_CHARACTERS</summary>
    Characters = Native.HLM_OFFSETS_CHARACTERS,
    /// <summary>HLM_OFFSETS_UTF16</summary>
    Utf16 = Native.HLM_OFFSETS_UTF16,
  }

  /// <summary>The constants HLM_TRAIN_ON_... of horizon_lm.h, which explains each.</summary>
  public enum TrainOn {
    /// <summary>HLM_TRAIN_ON_ASSISTANT</summary>
    Assistant = Native.HLM_TRAIN_ON_ASSISTANT,
    /// <summary>HLM_TRAIN_ON_LAST</summary>
    Last = Native.HLM_TRAIN_ON_LAST,
    /// <summary>HLM_TRAIN_ON_COMPLETION</summary>
    Completion = Native.HLM_TRAIN_ON_COMPLETION,
    /// <summary>HLM_TRAIN_ON_ALL</summary>
    All = Native.HLM_TRAIN_ON_ALL,
  }

  /// <summary>The constants HLM_MASK_... of horizon_lm.h, which explains each.</summary>
  public enum Mask {
    /// <summary>HLM_MASK_AUTO</summary>
    Auto = Native.HLM_MASK_AUTO,
    /// <summary>HLM_MASK_TAGS</summary>
    Tags = Native.HLM_MASK_TAGS,
    /// <summary>HLM_MASK_SPANS</summary>
    Spans = Native.HLM_MASK_SPANS,
    /// <summary>HLM_MASK_UNROLL</summary>
    Unroll = Native.HLM_MASK_UNROLL,
  }

  /// <summary>The constants HLM_PURPOSE_... of horizon_lm.h, which explains each.</summary>
  public enum Purpose {
    /// <summary>HLM_PURPOSE_TRAIN</summary>
    Train = Native.HLM_PURPOSE_TRAIN,
    /// <summary>HLM_PURPOSE_FORWARD_BACKWARD</summary>
    ForwardBackward = Native.HLM_PURPOSE_FORWARD_BACKWARD,
    /// <summary>HLM_PURPOSE_FORWARD</summary>
    Forward = Native.HLM_PURPOSE_FORWARD,
  }

  /// <summary>The constants HLM_ACTIVATIONS_... of horizon_lm.h, which explains each.</summary>
  public enum Activations {
    /// <summary>HLM_ACTIVATIONS_AUTO</summary>
    Auto = Native.HLM_ACTIVATIONS_AUTO,
    /// <summary>HLM_ACTIVATIONS_KEEP</summary>
    Keep = Native.HLM_ACTIVATIONS_KEEP,
    /// <summary>HLM_ACTIVATIONS_KEEP_CHEAP</summary>
    KeepCheap = Native.HLM_ACTIVATIONS_KEEP_CHEAP,
    /// <summary>HLM_ACTIVATIONS_RECOMPUTE</summary>
    Recompute = Native.HLM_ACTIVATIONS_RECOMPUTE,
  }

  /// <summary>The constants HLM_BLOCK_INPUTS_... of horizon_lm.h, which explains each.</summary>
  public enum BlockInputs {
    /// <summary>HLM_BLOCK_INPUTS_AUTO</summary>
    Auto = Native.HLM_BLOCK_INPUTS_AUTO,
    /// <summary>HLM_BLOCK_INPUTS_DEVICE</summary>
    Device = Native.HLM_BLOCK_INPUTS_DEVICE,
    /// <summary>HLM_BLOCK_INPUTS_HOST</summary>
    Host = Native.HLM_BLOCK_INPUTS_HOST,
  }

  /// <summary>The constants HLM_TIMING_... of horizon_lm.h, which explains each.</summary>
  public enum Timing {
    /// <summary>HLM_TIMING_NEXT_FORWARD</summary>
    NextForward = Native.HLM_TIMING_NEXT_FORWARD,
    /// <summary>HLM_TIMING_BACKWARD</summary>
    Backward = Native.HLM_TIMING_BACKWARD,
    /// <summary>HLM_TIMING_SERIAL</summary>
    Serial = Native.HLM_TIMING_SERIAL,
    /// <summary>HLM_TIMING_AUTO</summary>
    Auto = Native.HLM_TIMING_AUTO,
  }

  /// <summary>The constants HLM_OPTIMIZER_... of horizon_lm.h, which explains each.</summary>
  public enum OptimizerAlgorithm {
    /// <summary>HLM_OPTIMIZER_ADAMW</summary>
    AdamW = Native.HLM_OPTIMIZER_ADAMW,
    /// <summary>HLM_OPTIMIZER_ADAM</summary>
    Adam = Native.HLM_OPTIMIZER_ADAM,
    /// <summary>HLM_OPTIMIZER_SGD</summary>
    Sgd = Native.HLM_OPTIMIZER_SGD,
    /// <summary>HLM_OPTIMIZER_LION</summary>
    Lion = Native.HLM_OPTIMIZER_LION,
  }

  /// <summary>The constants HLM_STATES_... of horizon_lm.h, which explains each.</summary>
  public enum States {
    /// <summary>HLM_STATES_F32</summary>
    F32 = Native.HLM_STATES_F32,
    /// <summary>HLM_STATES_BF16</summary>
    BF16 = Native.HLM_STATES_BF16,
    /// <summary>HLM_STATES_INT8</summary>
    Int8 = Native.HLM_STATES_INT8,
    /// <summary>HLM_STATES_AUTO</summary>
    Auto = Native.HLM_STATES_AUTO,
  }

  /// <summary>The constants HLM_MASTER_... of horizon_lm.h, which explains each.</summary>
  public enum Master {
    /// <summary>HLM_MASTER_SPLIT</summary>
    Split = Native.HLM_MASTER_SPLIT,
    /// <summary>HLM_MASTER_NONE</summary>
    None = Native.HLM_MASTER_NONE,
    /// <summary>HLM_MASTER_AUTO</summary>
    Auto = Native.HLM_MASTER_AUTO,
  }

  /// <summary>The constants HLM_PATH_... of horizon_lm.h, which explains each.</summary>
  public enum OptimizerPath {
    /// <summary>HLM_PATH_AUTO</summary>
    Auto = Native.HLM_PATH_AUTO,
    /// <summary>HLM_PATH_FUSED</summary>
    Fused = Native.HLM_PATH_FUSED,
    /// <summary>HLM_PATH_ONEDNN</summary>
    OneDnn = Native.HLM_PATH_ONEDNN,
  }

  /// <summary>The constants HLM_ROUTE_... of horizon_lm.h, which explains each.</summary>
  public enum Route {
    /// <summary>HLM_ROUTE_AUTO</summary>
    Auto = Native.HLM_ROUTE_AUTO,
    /// <summary>HLM_ROUTE_HOST</summary>
    Host = Native.HLM_ROUTE_HOST,
    /// <summary>HLM_ROUTE_PEER</summary>
    Peer = Native.HLM_ROUTE_PEER,
  }

  /// <summary>The constants HLM_AUX_SCOPE_... of horizon_lm.h, which explains each.</summary>
  public enum AuxScope {
    /// <summary>HLM_AUX_SCOPE_STEP</summary>
    Step = Native.HLM_AUX_SCOPE_STEP,
    /// <summary>HLM_AUX_SCOPE_GROUP</summary>
    Group = Native.HLM_AUX_SCOPE_GROUP,
    /// <summary>HLM_AUX_SCOPE_SEQUENCE</summary>
    Sequence = Native.HLM_AUX_SCOPE_SEQUENCE,
  }

  /// <summary>The constants HLM_UNROUTED_... of horizon_lm.h, which explains each.</summary>
  public enum Unrouted {
    /// <summary>HLM_UNROUTED_ZERO</summary>
    Zero = Native.HLM_UNROUTED_ZERO,
    /// <summary>HLM_UNROUTED_SKIP</summary>
    Skip = Native.HLM_UNROUTED_SKIP,
  }

  /// <summary>The constants HLM_PROCESS_STATES_... of horizon_lm.h, which explains each.</summary>
  public enum ProcessStates {
    /// <summary>HLM_PROCESS_STATES_AUTO</summary>
    Auto = Native.HLM_PROCESS_STATES_AUTO,
    /// <summary>HLM_PROCESS_STATES_SHARDED</summary>
    Sharded = Native.HLM_PROCESS_STATES_SHARDED,
    /// <summary>HLM_PROCESS_STATES_REPLICATE</summary>
    Replicate = Native.HLM_PROCESS_STATES_REPLICATE,
  }

  /// <summary>The constants HLM_EXPERTS_UP_... of horizon_lm.h, which explains each.</summary>
  public enum ExpertsUp {
    /// <summary>HLM_EXPERTS_UP_AUTO</summary>
    Auto = Native.HLM_EXPERTS_UP_AUTO,
    /// <summary>HLM_EXPERTS_UP_ALL</summary>
    All = Native.HLM_EXPERTS_UP_ALL,
    /// <summary>HLM_EXPERTS_UP_ROUTED</summary>
    Routed = Native.HLM_EXPERTS_UP_ROUTED,
  }

  /// <summary>The constants HLM_CARRIER_... of horizon_lm.h, which explains each.</summary>
  public enum Carrier {
    /// <summary>HLM_CARRIER_AUTO</summary>
    Auto = Native.HLM_CARRIER_AUTO,
    /// <summary>HLM_CARRIER_GLOO</summary>
    Gloo = Native.HLM_CARRIER_GLOO,
    /// <summary>HLM_CARRIER_NCCL</summary>
    Nccl = Native.HLM_CARRIER_NCCL,
    /// <summary>HLM_CARRIER_MPI</summary>
    Mpi = Native.HLM_CARRIER_MPI,
  }

  /// <summary>The constants HLM_SCHEDULE_... of horizon_lm.h, which explains each.</summary>
  public enum Schedule {
    /// <summary>HLM_SCHEDULE_CONSTANT</summary>
    Constant = Native.HLM_SCHEDULE_CONSTANT,
    /// <summary>HLM_SCHEDULE_LINEAR</summary>
    Linear = Native.HLM_SCHEDULE_LINEAR,
    /// <summary>HLM_SCHEDULE_COSINE</summary>
    Cosine = Native.HLM_SCHEDULE_COSINE,
  }

  /// <summary>The constants HLM_PREFERENCE_... of horizon_lm.h, which explains each.</summary>
  public enum Preference {
    /// <summary>HLM_PREFERENCE_SIGMOID</summary>
    Sigmoid = Native.HLM_PREFERENCE_SIGMOID,
    /// <summary>HLM_PREFERENCE_ROBUST</summary>
    Robust = Native.HLM_PREFERENCE_ROBUST,
    /// <summary>HLM_PREFERENCE_HINGE</summary>
    Hinge = Native.HLM_PREFERENCE_HINGE,
    /// <summary>HLM_PREFERENCE_IPO</summary>
    Ipo = Native.HLM_PREFERENCE_IPO,
    /// <summary>HLM_PREFERENCE_SIGMOID_NORM</summary>
    SigmoidNorm = Native.HLM_PREFERENCE_SIGMOID_NORM,
    /// <summary>HLM_PREFERENCE_EXO_PAIR</summary>
    ExoPair = Native.HLM_PREFERENCE_EXO_PAIR,
    /// <summary>HLM_PREFERENCE_NCA_PAIR</summary>
    NcaPair = Native.HLM_PREFERENCE_NCA_PAIR,
    /// <summary>HLM_PREFERENCE_BCO_PAIR</summary>
    BcoPair = Native.HLM_PREFERENCE_BCO_PAIR,
    /// <summary>HLM_PREFERENCE_SPPO_HARD</summary>
    SppoHard = Native.HLM_PREFERENCE_SPPO_HARD,
    /// <summary>HLM_PREFERENCE_APO_ZERO</summary>
    ApoZero = Native.HLM_PREFERENCE_APO_ZERO,
    /// <summary>HLM_PREFERENCE_APO_DOWN</summary>
    ApoDown = Native.HLM_PREFERENCE_APO_DOWN,
    /// <summary>HLM_PREFERENCE_ORPO</summary>
    Orpo = Native.HLM_PREFERENCE_ORPO,
    /// <summary>HLM_PREFERENCE_SIMPO</summary>
    Simpo = Native.HLM_PREFERENCE_SIMPO,
  }

  /// <summary>The constants HLM_POLICY_... of horizon_lm.h, which explains each.</summary>
  public enum PolicyKind {
    /// <summary>HLM_POLICY_CLIP</summary>
    Clip = Native.HLM_POLICY_CLIP,
    /// <summary>HLM_POLICY_CISPO</summary>
    Cispo = Native.HLM_POLICY_CISPO,
  }

  /// <summary>The constants HLM_RATIO_... of horizon_lm.h, which explains each.</summary>
  public enum Ratio {
    /// <summary>HLM_RATIO_TOKEN</summary>
    Token = Native.HLM_RATIO_TOKEN,
    /// <summary>HLM_RATIO_SEQUENCE</summary>
    Sequence = Native.HLM_RATIO_SEQUENCE,
  }

  /// <summary>The constants HLM_KL_... of horizon_lm.h, which explains each.</summary>
  public enum KlEstimator {
    /// <summary>HLM_KL_K1</summary>
    K1 = Native.HLM_KL_K1,
    /// <summary>HLM_KL_K2</summary>
    K2 = Native.HLM_KL_K2,
    /// <summary>HLM_KL_K3</summary>
    K3 = Native.HLM_KL_K3,
    /// <summary>HLM_KL_ABS</summary>
    Abs = Native.HLM_KL_ABS,
  }

  /// <summary>The constants HLM_REDUCTION_... of horizon_lm.h, which explains each.</summary>
  public enum Reduction {
    /// <summary>HLM_REDUCTION_TOKEN_MEAN</summary>
    TokenMean = Native.HLM_REDUCTION_TOKEN_MEAN,
    /// <summary>HLM_REDUCTION_SEQUENCE_MEAN</summary>
    SequenceMean = Native.HLM_REDUCTION_SEQUENCE_MEAN,
    /// <summary>HLM_REDUCTION_SEQUENCE_SUM</summary>
    SequenceSum = Native.HLM_REDUCTION_SEQUENCE_SUM,
  }
}
