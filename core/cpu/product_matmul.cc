#include <omp.h>

#include <oneapi/dnnl/dnnl.hpp>
#include <optional>
#include <tuple>
#include <unordered_map>

#include "core/base/error.h"
#include "core/cpu/product.h"

namespace hlm {
namespace {

using dnnl::memory;

// Shapes change with the number of tokens; a table that outgrows this is begun anew.
constexpr size_t kMostPrimitives = 512;

struct Key {
  ProductShape shape;
  DType type;
  bool bias, accumulate;
  DType c_type;
  int threads;  // primitives are made for the team that will run them

  auto Tied() const {
    return std::make_tuple(shape.m, shape.n, shape.k, shape.transpose_a, shape.transpose_b, shape.a_stride, shape.b_stride,
                           shape.c_stride, static_cast<int>(type), bias, accumulate, static_cast<int>(c_type), threads);
  }
  bool operator==(const Key& other) const { return Tied() == other.Tied(); }
};

struct KeyHash {
  size_t operator()(const Key& key) const {
    size_t hash = 0;
    std::apply(
        [&](auto... part) { ((hash = (hash ^ static_cast<size_t>(part)) * 0x9e3779b97f4a7c15u, hash ^= hash >> 29), ...); },
        key.Tied());
    return hash;
  }
};

memory::data_type OneDnnType(DType type) { return type == DType::kF32 ? memory::data_type::f32 : memory::data_type::bf16; }

memory::desc Matrix(int64_t rows, int64_t cols, bool transposed, int64_t stride, memory::data_type type) {
  return {{rows, cols}, type, transposed ? memory::dims{1, stride} : memory::dims{stride, 1}};
}

struct Primitive {
  memory::desc a, b, bias, c;
  std::optional<dnnl::matmul> matmul;  // none: oneDNN has no implementation
};

// The engine, a stream and the primitives of this thread: the worker of a stream keeps its own, so nothing is shared.
struct Library {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  std::unordered_map<Key, Primitive, KeyHash> primitives;

  const Primitive& Get(const Key& key) {
    const auto found = primitives.find(key);
    if (found != primitives.end()) return found->second;
    if (primitives.size() >= kMostPrimitives) primitives.clear();
    const ProductShape& s = key.shape;
    const auto type = OneDnnType(key.type), c_type = OneDnnType(key.c_type);
    Primitive made;
    made.a = Matrix(s.m, s.k, s.transpose_a, s.a_stride, type);
    made.b = Matrix(s.k, s.n, s.transpose_b, s.b_stride, type);
    made.c = Matrix(s.m, s.n, false, s.c_stride, c_type);
    dnnl::primitive_attr attributes;
    if (key.accumulate) {
      dnnl::post_ops sum;
      sum.append_sum(1.0f);
      attributes.set_post_ops(sum);
    }
    if (key.bias) made.bias = Matrix(1, s.n, false, s.n, type);
    const dnnl::matmul::desc desc =
        key.bias ? dnnl::matmul::desc(made.a, made.b, made.bias, made.c) : dnnl::matmul::desc(made.a, made.b, made.c);
    const dnnl::matmul::primitive_desc found_desc(desc, attributes, engine, /*allow_empty=*/true);
    if (found_desc) made.matmul = dnnl::matmul(found_desc);
    return primitives.emplace(key, std::move(made)).first->second;
  }
};

}  // namespace

bool NativeBf16Products() {
  // Also false where DNNL_MAX_CPU_ISA takes the instructions away.
  static const bool native = [] {
    const int isa = static_cast<int>(dnnl::get_effective_cpu_isa());
    const int bf16 = static_cast<int>(dnnl::cpu_isa::avx512_core_bf16);
    return (isa & bf16) == bf16;
  }();
  return native;
}

bool MatmulProduct(const ProductShape& shape, DType type, const void* a, const void* b, const void* bias, bool accumulate,
                   DType c_type, void* c) {
  thread_local Library library;
  try {
    const Primitive& primitive = library.Get({shape, type, bias != nullptr, accumulate, c_type, omp_get_max_threads()});
    if (!primitive.matmul.has_value()) return false;
    const auto on = [&](const memory::desc& desc, const void* data) {
      return memory(desc, library.engine, const_cast<void*>(data));
    };
    std::unordered_map<int, memory> arguments{
        {DNNL_ARG_SRC, on(primitive.a, a)}, {DNNL_ARG_WEIGHTS, on(primitive.b, b)}, {DNNL_ARG_DST, on(primitive.c, c)}};
    if (bias != nullptr) arguments.emplace(DNNL_ARG_BIAS, on(primitive.bias, bias));
    primitive.matmul->execute(library.stream, arguments);
    library.stream.wait();
    return true;
  } catch (const dnnl::error& error) {
    throw Internal("oneDNN refused the ", Name(type), " matmul of shape m ", shape.m, ", n ", shape.n, ", k ", shape.k, ": ",
                   error.what());
  }
}

}  // namespace hlm
