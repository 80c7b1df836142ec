// Attention by cuDNN, through its C++ frontend (headers only; this is the one file that sees them).
//
// What was chosen, and why:
// - cuDNN is opened when the first CudnnAttention is made (NV_CUDNN_FRONTEND_USE_DYNAMIC_LOADING), so that its absence is an
//   error with its name in it, and nothing of cuDNN, NVRTC or the driver is needed to link. The GPU's architecture is told to
//   each graph: the frontend would otherwise open a libcudart.so to ask, and we link that library statically.
// - The composite graph is asked for by name. The frontend would prefer another implementation with newer versions of cuDNN,
//   and a plan's numerics should not change with what it was compiled against.
// - The backward pass is the deterministic one. On Hopper it keeps dS whole, in bf16, so its workspace grows with the square of
//   the sequence; attention_pieces.h says how a call is cut to fit. That depends on shapes, bytes and what cuDNN says of them,
//   no more.
// - Documents that are all of one length, a multiple of 128, are one dense batch. All others are packed: ragged offsets, which
//   a small kernel computes on the device, and lengths. Lengths that are no multiples of 128 are never dense, since cuDNN's
//   backward pass has had errors in the last tile there (cudnn-frontend issue 160, pull request 628) and each length would be a
//   graph.
// - max_total_seq_len is not set in packed graphs: with it the frontend lays dK and dV of each query head out with the distance
//   of our interleaved rows, 4 * tokens * (heads + 2 kv_heads) * head_dim * group bytes each, however few heads the piece has.
// - q, k, v, out and their gradients are used in place. Stats are not: a dense graph gets them as [documents, heads, sequence]
//   and a packed one as [tokens, heads of the piece], in workspace, and a small kernel moves them from and to lse [tokens,
//   heads]. Before 9.26 some of cuDNN's backward kernels ignore the strides of a dense graph's stats (cudnn-frontend pull
//   request 304). So lse is what ops.h says, whoever wrote it, and either implementation's backward pass may follow either's
//   forward pass.
// - cuDNN's stats are natural logarithms, max + ln(sum exp), of the scaled scores (its documentation, operations/Attention);
//   its left bound keeps the keys with key + bound > query, which is our window (utils/attn_score_modifiers.h).
#define NV_CUDNN_FRONTEND_USE_DYNAMIC_LOADING
#define CUDNN_FRONTEND_SKIP_JSON_LIB
#include <cudnn_frontend.h>
#include <dlfcn.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <unordered_map>
#include <utility>

#include "core/cuda/attention_cudnn.h"
#include "core/cuda/attention_offsets.h"
#include "core/cuda/attention_pieces.h"
#include "core/cuda/check.h"

namespace cudnn_frontend {
void* cudnn_dlhandle = nullptr;  // declared by the frontend, which looks cuDNN's functions up in it
}

namespace hlm::cuda {
namespace {

namespace fe = cudnn_frontend;
using Tensor = std::shared_ptr<fe::graph::Tensor_attributes>;

constexpr size_t kOldest = 90600;  // ragged offsets of 64 bits and grouped queries with them

Error Unavailable(const std::string& why) { return Error(Code::kUnavailable, why); }

// Opened once and never closed: its own threads and handles outlive ours.
void LoadCudnn() {
  static const std::string failure = [] {
    fe::cudnn_dlhandle = dlopen("libcudnn.so.9", RTLD_NOW | RTLD_LOCAL);
    if (fe::cudnn_dlhandle != nullptr) return std::string();
    const char* why = dlerror();
    return StrCat("cuDNN cannot be loaded: ", why != nullptr ? why : "libcudnn.so.9");
  }();
  if (!failure.empty()) throw Unavailable(failure);
}

std::string OneLine(std::string text) {
  constexpr size_t kMost = 400;  // cuDNN tells the whole way down to the reason, and the reason comes first
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text.size() <= kMost ? text : text.substr(0, kMost) + " ...";
}

// The tensors' names in graphs.
using Id = int64_t;
constexpr Id kQ = 1, kK = 2, kV = 3, kOut = 4, kStats = 5, kDout = 6, kDq = 7, kDk = 8, kDv = 9, kLengthsQ = 10, kLengthsKv = 11;
constexpr Id kFirstRagged = 12;
using Pointers = std::unordered_map<int64_t, void*>;

// The lists of ragged offsets of a packed piece, as its graph numbers them: one for each kind of tensor and distance from token
// to token. A call on qkv has those of queries, of keys and values, of outputs and of stats.
enum class RaggedKind : int8_t { kQueries, kKeys, kOuts, kStats };
struct Ragged {
  RaggedKind kind;
  int64_t row;
  bool operator==(const Ragged&) const = default;
};
Ragged RaggedOf(const PieceShape& shape, Id id) {
  const CallRows& rows = shape.rows;
  switch (id) {
    case kQ:
      return {RaggedKind::kQueries, rows.q.row};
    case kDq:
      return {RaggedKind::kQueries, rows.dq.row};
    case kK:
      return {RaggedKind::kKeys, rows.k.row};
    case kDk:
      return {RaggedKind::kKeys, rows.dk.row};
    case kV:
      return {RaggedKind::kKeys, rows.v.row};
    case kDv:
      return {RaggedKind::kKeys, rows.dv.row};
    case kOut:
      return {RaggedKind::kOuts, rows.out.row};
    case kDout:
      return {RaggedKind::kOuts, rows.dout.row};
    default:
      return {RaggedKind::kStats, shape.heads()};
  }
}
std::vector<Ragged> RaggedLists(const PieceShape& shape) {
  std::vector<Ragged> lists;
  for (const Id id : {kQ, kK, kOut, kStats, kV, kDq, kDk, kDv, kDout}) {
    const bool backward_only = id == kDq || id == kDk || id == kDv || id == kDout;
    if (backward_only && shape.pass == AttentionPass::kForward) continue;
    const Ragged list = RaggedOf(shape, id);
    if (std::find(lists.begin(), lists.end(), list) == lists.end()) lists.push_back(list);
  }
  return lists;
}

// The frontend tells a graph's workspace only when it has compiled it. What it would compile first, and the workspace of that,
// are known before.
class OpenGraph : public fe::graph::Graph {
 public:
  fe::error_t Prepare(cudnnHandle_t handle, int64_t* bytes) {
    fe::error_t status = validate();
    if (status.is_good()) status = build_operation_graph(handle);
    if (status.is_good()) status = create_execution_plans({fe::HeurMode_t::A});
    if (status.is_good()) status = check_support();
    if (status.is_bad()) return status;
    auto choices = plans.get_barred_engine_configs();  // those that are not barred, in spite of its name
    if (choices.empty()) return {fe::error_code_t::GRAPH_NOT_SUPPORTED, "no engine"};
    status = fe::detail::get_workspace_size(choices.front(), *bytes);
    *bytes += get_fe_workspace_size_subtree();
    return status;
  }
};

// One graph under construction: tensors as the piece lays them out.
class GraphOf {
 public:
  GraphOf(const PieceShape& shape, int sm) : shape_(shape), graph_(std::make_shared<OpenGraph>()) {
    graph_->set_io_data_type(fe::DataType_t::BFLOAT16)
        .set_intermediate_data_type(fe::DataType_t::FLOAT)
        .set_compute_data_type(fe::DataType_t::FLOAT)
        .set_sm_version(sm);  // before nodes: each keeps a copy
    if (!shape.packed) return;
    lists_ = RaggedLists(shape);
    for (size_t i = 0; i < lists_.size(); ++i) {
      ragged_.push_back(Index(kFirstRagged + static_cast<Id>(i), fe::DataType_t::INT64, 1));
    }
  }

  std::shared_ptr<OpenGraph> Forward() {
    auto attributes = Attributes<fe::graph::SDPA_attributes>();
    attributes.set_generate_stats(true).set_implementation(fe::AttentionImplementation_t::COMPOSITE);
    const auto [out, stats] = graph_->sdpa(New(kQ), New(kK), New(kV), std::move(attributes));
    Describe(kOut, *out).set_output(true);
    Describe(kStats, *stats).set_output(true);
    return graph_;
  }

  std::shared_ptr<OpenGraph> Backward() {
    auto attributes = Attributes<fe::graph::SDPA_backward_attributes>();
    attributes.set_deterministic_algorithm(true);
    const auto [dq, dk, dv] =
        graph_->sdpa_backward(New(kQ), New(kK), New(kV), New(kOut), New(kDout), New(kStats), std::move(attributes));
    Describe(kDq, *dq).set_output(true);
    Describe(kDk, *dk).set_output(true);
    Describe(kDv, *dv).set_output(true);
    return graph_;
  }

 private:
  template <class AnyAttributes>
  AnyAttributes Attributes() {
    AnyAttributes attributes;
    attributes.set_name("attention");
    attributes.set_attn_scale(shape_.scale);
    attributes.set_diagonal_alignment(fe::DiagonalAlignment_t::TOP_LEFT).set_diagonal_band_right_bound(0);
    if (shape_.window > 0) attributes.set_diagonal_band_left_bound(static_cast<int>(shape_.window));
    if (shape_.packed) {
      attributes.set_padding_mask(true)
          .set_seq_len_q(Index(kLengthsQ, fe::DataType_t::INT32, 0))
          .set_seq_len_kv(Index(kLengthsKv, fe::DataType_t::INT32, 0));
    }
    return attributes;
  }

  // A list of numbers, one a document and `more`.
  Tensor Index(Id id, fe::DataType_t type, int64_t more) {
    fe::graph::Tensor_attributes list;
    list.set_uid(id).set_dim({shape_.documents + more, 1, 1, 1}).set_stride({1, 1, 1, 1}).set_data_type(type);
    return graph_->tensor(list);
  }

  Tensor New(Id id) {
    fe::graph::Tensor_attributes tensor;
    return graph_->tensor(Describe(id, tensor));
  }

  fe::graph::Tensor_attributes& Describe(Id id, fe::graph::Tensor_attributes& tensor) const {
    const int64_t s = shape_.sequence, heads = shape_.heads();
    const CallRows& rows = shape_.rows;
    tensor.set_uid(id);
    switch (id) {
      case kStats:
        tensor.set_data_type(fe::DataType_t::FLOAT).set_dim({shape_.documents, heads, s, 1});
        if (shape_.packed) {
          tensor.set_stride({s * heads, 1, heads, 1}).set_ragged_offset(RaggedTensor(id));
        } else {
          tensor.set_stride({s * heads, s, 1, 1});
        }
        return tensor;
      case kOut:
        return Rows(id, tensor, heads, shape_.value_dim, rows.out);
      case kDout:
        return Rows(id, tensor, heads, shape_.value_dim, rows.dout);
      case kQ:
        return Rows(id, tensor, heads, shape_.head_dim, rows.q);
      case kDq:
        return Rows(id, tensor, heads, shape_.head_dim, rows.dq);
      case kK:
        return Rows(id, tensor, shape_.kv_heads, shape_.head_dim, rows.k);
      case kDk:
        return Rows(id, tensor, shape_.kv_heads, shape_.head_dim, rows.dk);
      case kV:
        return Rows(id, tensor, shape_.kv_heads, shape_.value_dim, rows.v);
      default:
        return Rows(id, tensor, shape_.kv_heads, shape_.value_dim, rows.dv);
    }
  }

  // [documents, heads, sequence, dim] at the call's distances.
  fe::graph::Tensor_attributes& Rows(Id id, fe::graph::Tensor_attributes& tensor, int64_t heads, int64_t dim,
                                     const HeadRows& rows) const {
    tensor.set_data_type(fe::DataType_t::BFLOAT16)
        .set_dim({shape_.documents, heads, shape_.sequence, dim})
        .set_stride({shape_.sequence * rows.row, rows.head, rows.row, 1});
    if (shape_.packed) tensor.set_ragged_offset(RaggedTensor(id));
    return tensor;
  }

  const Tensor& RaggedTensor(Id id) const {
    const auto list = std::find(lists_.begin(), lists_.end(), RaggedOf(shape_, id));
    return ragged_[static_cast<size_t>(list - lists_.begin())];
  }

  const PieceShape& shape_;
  std::shared_ptr<OpenGraph> graph_;
  std::vector<Ragged> lists_;
  std::vector<Tensor> ragged_;
};

// A graph: first only so far that its workspace is known, which takes milliseconds, then ready to run, which takes about a
// second.
struct Built {
  std::shared_ptr<OpenGraph> graph;  // null: cuDNN does not take it, and why_not says the reason
  int64_t bytes = 0;
  bool ready = false;
  std::string why_not;

  void Refuse(const std::string& why) {
    graph = nullptr;
    why_not = OneLine(why);
    (void)cudaGetLastError();  // a refusal is no error of the next kernel
  }
};

// Where one call's tensors begin.
struct Tensors {
  const void *q = nullptr, *k = nullptr, *v = nullptr, *out = nullptr, *dout = nullptr;
  void *dq = nullptr, *dk = nullptr, *dv = nullptr;
  float* lse = nullptr;  // written by the forward pass only
};

constexpr int64_t kElement = 2;  // bytes of bf16

void* At(const void* data, int64_t element) { return static_cast<char*>(const_cast<void*>(data)) + element * kElement; }

}  // namespace

struct CudnnAttention::Impl {
  cudnnHandle_t handle = nullptr;
  int sm = 0;
  std::map<PieceShape, Built> graphs;
  Fallbacks refused;

  ~Impl() {
    graphs.clear();
    if (handle != nullptr) (void)fe::detail::destroy_handle(handle);
  }

  bool Refuse(const char* what) {
    refused = {refused.attention + 1, StrCat("our graphs of cuDNN's attention have no ", what)};
    return false;
  }

  // The graph of a shape, prepared at its first use and kept, also where it is refused.
  Built& Graph(const PieceShape& shape) {
    const auto [place, is_new] = graphs.try_emplace(shape);
    Built& built = place->second;
    if (!is_new) return built;
    // Their deterministic backward pass takes no ragged offsets, nor do all of them take ragged stats.
    if (shape.packed && (sm / 10 == 8 || sm / 10 == 12)) {
      built.Refuse(
          StrCat("documents that are not all of one length, a multiple of 128, on compute capability ", sm / 10, ".", sm % 10));
      return built;
    }
    try {
      GraphOf maker(shape, sm);
      built.graph = shape.pass == AttentionPass::kForward ? maker.Forward() : maker.Backward();
      auto status = built.graph->Prepare(handle, &built.bytes);
      if (status.is_bad()) built.Refuse(status.get_message());
    } catch (const std::exception& error) {
      built.Refuse(error.what());
    }
    return built;
  }

  // Compiles it if it is not yet; false where that failed, or showed that it needs more workspace than was known.
  bool MakeReady(Built& built) {
    if (built.ready || built.graph == nullptr) return built.ready;
    const int64_t expected = built.bytes;
    try {
      auto status = built.graph->build_plans();
      if (status.is_good()) status = built.graph->get_workspace_size(built.bytes);
      built.ready = status.is_good();
      if (!built.ready) built.Refuse(status.get_message());
    } catch (const std::exception& error) {
      built.Refuse(error.what());
    }
    return built.ready && built.bytes <= expected;
  }

  bool Run(cudaStream_t stream, const CallShape& call, const Documents& documents, const Tensors& tensors, void* workspace,
           size_t bytes) {
    std::string why_not;
    const CudnnBytes cudnn_bytes = [&](const PieceShape& shape) -> std::optional<int64_t> {
      const Built& built = Graph(shape);
      if (built.graph != nullptr) return built.bytes;
      why_not = StrCat("cuDNN does not take this attention: ", built.why_not);
      return std::nullopt;
    };
    std::vector<Piece> pieces;
    const auto all_ready = [&] {
      return std::all_of(pieces.begin(), pieces.end(), [&](const Piece& piece) { return MakeReady(Graph(piece.shape)); });
    };
    // Each further turn knows more of some graph than the one before.
    do {
      if (!CutAttention(call, documents, bytes, cudnn_bytes, &pieces, &why_not)) {
        refused = {refused.attention + 1, std::move(why_not)};
        return false;
      }
    } while (!all_ready());
    const cudnnStatus_t set = fe::detail::set_stream(handle, stream);
    if (set != CUDNN_STATUS_SUCCESS) throw Internal("cudnnSetStream: ", fe::detail::get_error_string(set));
    for (const Piece& piece : pieces) RunPiece(stream, piece, call.heads, documents, tensors, static_cast<char*>(workspace));
    return true;
  }

  void RunPiece(cudaStream_t stream, const Piece& piece, int64_t all_heads, const Documents& documents, const Tensors& tensors,
                char* workspace) {
    const PieceShape& shape = piece.shape;
    const PieceParts parts = PartsOf(shape);
    const int64_t first_token = documents.host_offsets[piece.first_document];
    const int64_t tokens = documents.host_offsets[piece.first_document + shape.documents] - first_token;
    const int64_t first_head = piece.first_kv_head * shape.group;
    const CallRows& rows = shape.rows;
    const auto of_heads = [&](const void* data, const HeadRows& at) {
      return At(data, first_token * at.row + first_head * at.head);
    };
    const auto of_keys = [&](const void* data, const HeadRows& at) {
      return At(data, first_token * at.row + piece.first_kv_head * at.head);
    };
    float* stats = reinterpret_cast<float*>(workspace + parts.stats);

    Pointers pointers{{kQ, of_heads(tensors.q, rows.q)},
                      {kK, of_keys(tensors.k, rows.k)},
                      {kV, of_keys(tensors.v, rows.v)},
                      {kOut, of_heads(tensors.out, rows.out)},
                      {kStats, stats}};
    if (shape.packed) {
      const auto list_at = [&](size_t at) { return reinterpret_cast<int64_t*>(workspace + at); };
      PackedOffsets offsets;
      offsets.lengths = reinterpret_cast<int32_t*>(workspace + parts.lengths);
      for (const PieceParts::Offsets& list : parts.offsets) offsets.Add(list.row, list_at(list.at));
      offsets.Add(shape.heads(), list_at(parts.stats_offsets));
      FillPackedOffsets(stream, documents.offsets + piece.first_document, shape.documents, offsets);
      for (const Id id : {kLengthsQ, kLengthsKv}) pointers[id] = offsets.lengths;
      const std::vector<Ragged> lists = RaggedLists(shape);
      for (size_t i = 0; i < lists.size(); ++i) {
        const bool of_stats = lists[i].kind == RaggedKind::kStats;
        pointers[kFirstRagged + static_cast<Id>(i)] = list_at(of_stats ? parts.stats_offsets : parts.OffsetsOf(lists[i].row));
      }
    }
    const bool forward = shape.pass == AttentionPass::kForward;
    if (!forward) {
      pointers[kDout] = of_heads(tensors.dout, rows.dout);
      pointers[kDq] = of_heads(tensors.dq, rows.dq);
      pointers[kDk] = of_keys(tensors.dk, rows.dk);
      pointers[kDv] = of_keys(tensors.dv, rows.dv);
    }
    const StatsCopy copy{.tokens = tokens,
                         .all_heads = all_heads,
                         .first_head = first_head,
                         .heads = shape.heads(),
                         .sequence = shape.packed ? 0 : shape.sequence};
    float* lse = tensors.lse + first_token * all_heads;
    if (!forward) GatherStats(stream, copy, lse, stats);
    auto status = Execute(Graph(shape), pointers, workspace + parts.end);
    if (status.is_bad()) throw Internal("cuDNN attention: ", OneLine(status.get_message()));
    if (forward) ScatterStats(stream, copy, stats, lse);
  }

  fe::error_t Execute(const Built& built, Pointers& pointers, void* workspace) {
    try {
      return built.graph->execute(handle, pointers, workspace);
    } catch (const std::exception& error) {
      return {fe::error_code_t::GRAPH_EXECUTION_FAILED, error.what()};
    }
  }
};

CudnnAttention::CudnnAttention() : impl_(std::make_unique<Impl>()) {
  LoadCudnn();
  if (const size_t version = fe::detail::get_backend_version(); version < kOldest) {
    throw Unavailable(StrCat(Version(), " is too old: attention needs 9.6.0 or newer"));
  }
  int device = 0, major = 0, minor = 0;
  Check(cudaGetDevice(&device), "cudaGetDevice");
  Check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device), "cudaDeviceGetAttribute");
  Check(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device), "cudaDeviceGetAttribute");
  impl_->sm = 10 * major + minor;
  const cudnnStatus_t status = fe::detail::create_handle(&impl_->handle);
  if (status != CUDNN_STATUS_SUCCESS) {
    impl_->handle = nullptr;
    throw Unavailable(StrCat("cudnnCreate (", Version(), "): ", fe::detail::get_error_string(status)));
  }
}

CudnnAttention::~CudnnAttention() = default;

namespace {

HeadRows RowsOf(const View& view, int64_t heads, int64_t width) {
  const View v = Resolved(view, heads, width);
  return {v.row, v.head};
}

template <class Args>
CallShape ShapeOf(AttentionPass pass, const Args& a) {
  HLM_CHECK(a.type == DType::kBF16, "cuDNN attention in ", Name(a.type));
  CallShape call{pass, a.heads, a.kv_heads, a.head_dim, a.value_dim, a.kind.window, a.kind.scale, {}};
  call.rows.q = RowsOf(a.q, a.heads, a.head_dim);
  call.rows.k = RowsOf(a.k, a.kv_heads, a.head_dim);
  call.rows.v = RowsOf(a.v, a.kv_heads, a.value_dim);
  call.rows.out = RowsOf(a.out, a.heads, a.value_dim);
  if constexpr (requires { a.dq; }) {
    call.rows.dout = RowsOf(a.dout, a.heads, a.value_dim);
    call.rows.dq = RowsOf(a.dq, a.heads, a.head_dim);
    call.rows.dk = RowsOf(a.dk, a.kv_heads, a.head_dim);
    call.rows.dv = RowsOf(a.dv, a.kv_heads, a.value_dim);
  }
  return call;
}

// What our graphs do not have, as a reason; null: nothing. Sinks are the caller's part (views/sinks.cu).
template <class Args>
const char* Beyond(const Args& a) {
  if (a.kind.soft_cap > 0) return "scores with a cap";
  if (a.kind.chunk > 0) return "keys in chunks";
  if (a.slopes != nullptr) return "slopes";
  return nullptr;
}

}  // namespace

bool CudnnAttention::Forward(cudaStream_t stream, const ViewAttentionArgs& a, void* workspace, size_t bytes) {
  if (const char* what = Beyond(a)) return impl_->Refuse(what);
  const Tensors tensors{.q = a.q.data, .k = a.k.data, .v = a.v.data, .out = a.out.data, .lse = a.lse};
  return impl_->Run(stream, ShapeOf(AttentionPass::kForward, a), a.documents, tensors, workspace, bytes);
}

bool CudnnAttention::Backward(cudaStream_t stream, const ViewAttentionBackwardArgs& a, void* workspace, size_t bytes) {
  if (const char* what = Beyond(a)) return impl_->Refuse(what);
  const Tensors tensors{.q = a.q.data,
                        .k = a.k.data,
                        .v = a.v.data,
                        .out = a.out.data,
                        .dout = a.dout.data,
                        .dq = a.dq.data,
                        .dk = a.dk.data,
                        .dv = a.dv.data,
                        .lse = const_cast<float*>(a.lse)};
  return impl_->Run(stream, ShapeOf(AttentionPass::kBackward, a), a.documents, tensors, workspace, bytes);
}

const Fallbacks& CudnnAttention::refused() const { return impl_->refused; }

std::string CudnnAttention::Version() {
  LoadCudnn();
  return "cuDNN " + fe::detail::convert_version_to_str(fe::detail::get_backend_version());
}

}  // namespace hlm::cuda
