#include "core/cuda/products.h"

#include <cublasLt.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <sstream>
#include <vector>

#include "core/base/error.h"
#include "core/cuda/check.h"

namespace hlm::cuda {
namespace {

void CheckBlas(cublasStatus_t status, const char* what) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  const std::string text = StrCat(what, ": ", cublasLtGetStatusString(status), " (", cublasLtGetStatusName(status), ")");
  if (status == CUBLAS_STATUS_ALLOC_FAILED) throw ResourceExhausted(text);
  throw Internal(text);
}

cudaDataType_t BlasType(DType type) { return type == DType::kF32 ? CUDA_R_32F : CUDA_R_16BF; }

std::string Text(const ProductForm& f) {
  return StrCat(Name(f.type), ",", Name(f.c_type), ",", f.m, ",", f.n, ",", f.k, ",", f.a_transposed, ",", f.b_transposed, ",",
                f.bias, ",", f.addend);
}

std::string Hex(const cublasLtMatmulAlgo_t& algorithm) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const uint64_t word : algorithm.data) {
    for (int shift = 60; shift >= 0; shift -= 4) text += kDigits[(word >> shift) & 15];
  }
  return text;
}

cublasLtMatmulAlgo_t FromHex(const std::string& text) {
  cublasLtMatmulAlgo_t algorithm{};
  HLM_CHECK(text.size() == 16 * std::size(algorithm.data), "a product algorithm of ", text.size(), " digits");
  for (size_t w = 0; w < std::size(algorithm.data); ++w) algorithm.data[w] = std::stoull(text.substr(16 * w, 16), nullptr, 16);
  return algorithm;
}

// The library's descriptors of one form; frees them.
struct Prepared {
  Prepared() = default;
  Prepared(const Prepared&) = delete;
  Prepared& operator=(const Prepared&) = delete;
  ~Prepared() {
    if (operation != nullptr) cublasLtMatmulDescDestroy(operation);
    for (cublasLtMatrixLayout_t layout : {a, b, c}) {
      if (layout != nullptr) cublasLtMatrixLayoutDestroy(layout);
    }
  }
  cublasLtMatmulDesc_t operation = nullptr;
  // As the library sees them, column-major: its first operand is our b, its second our a.
  cublasLtMatrixLayout_t a = nullptr, b = nullptr, c = nullptr;
  cublasLtMatmulAlgo_t algorithm{};
  bool chosen = false;
};

template <class T>
void Set(cublasLtMatmulDesc_t operation, cublasLtMatmulDescAttributes_t attribute, const T& value) {
  CheckBlas(cublasLtMatmulDescSetAttribute(operation, attribute, &value, sizeof value), "cublasLtMatmulDescSetAttribute");
}

// Rows of `columns` elements, row after row: the largest power of two of bytes, up to 16, that every row's start is a multiple
// of.
uint32_t Alignment(int64_t columns, DType type) {
  const uint64_t bytes = static_cast<uint64_t>(columns) * SizeOf(type);
  return static_cast<uint32_t>(std::min<uint64_t>(bytes & (~bytes + 1), 16));
}

struct Preference {
  Preference(const ProductForm& f, size_t workspace_bytes) {
    CheckBlas(cublasLtMatmulPreferenceCreate(&handle), "cublasLtMatmulPreferenceCreate");
    Set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, workspace_bytes);
    const uint32_t schemes = CUBLASLT_REDUCTION_SCHEME_NONE | CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
    Set(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, schemes);
    Set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, Alignment(f.b_transposed ? f.k : f.n, f.type));
    Set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, Alignment(f.a_transposed ? f.m : f.k, f.type));
    Set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, Alignment(f.n, f.c_type));
    Set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, Alignment(f.n, f.c_type));
  }
  ~Preference() { cublasLtMatmulPreferenceDestroy(handle); }
  template <class T>
  void Set(cublasLtMatmulPreferenceAttributes_t attribute, const T& value) {
    CheckBlas(cublasLtMatmulPreferenceSetAttribute(handle, attribute, &value, sizeof value),
              "cublasLtMatmulPreferenceSetAttribute");
  }
  cublasLtMatmulPreference_t handle = nullptr;
};

}  // namespace

struct Products::Impl {
  cublasLtHandle_t handle = nullptr;
  std::map<ProductForm, Prepared> forms;
  std::map<std::string, std::string> algorithms;  // form -> algorithm, both as text

  ~Impl() {
    forms.clear();
    if (handle != nullptr) cublasLtDestroy(handle);
  }

  Prepared& Prepare(const ProductForm& f) {
    Prepared& p = forms[f];
    if (p.c != nullptr) return p;
    const auto layout = [](cublasLtMatrixLayout_t* to, DType type, int64_t rows, int64_t columns) {  // of a row-major matrix
      CheckBlas(
          cublasLtMatrixLayoutCreate(to, BlasType(type), static_cast<uint64_t>(columns), static_cast<uint64_t>(rows), columns),
          "cublasLtMatrixLayoutCreate");
    };
    CheckBlas(cublasLtMatmulDescCreate(&p.operation, CUBLAS_COMPUTE_32F, CUDA_R_32F), "cublasLtMatmulDescCreate");
    Set(p.operation, CUBLASLT_MATMUL_DESC_TRANSA, f.b_transposed ? CUBLAS_OP_T : CUBLAS_OP_N);
    Set(p.operation, CUBLASLT_MATMUL_DESC_TRANSB, f.a_transposed ? CUBLAS_OP_T : CUBLAS_OP_N);
    if (f.bias) {
      Set(p.operation, CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS);
      Set(p.operation, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, BlasType(f.type));
    }
    layout(&p.a, f.type, f.b_transposed ? f.n : f.k, f.b_transposed ? f.k : f.n);
    layout(&p.b, f.type, f.a_transposed ? f.k : f.m, f.a_transposed ? f.m : f.k);
    layout(&p.c, f.c_type, f.m, f.n);
    return p;
  }

  std::vector<cublasLtMatmulHeuristicResult_t> Proposals(const Prepared& p, const ProductForm& f, size_t workspace_bytes,
                                                         int most) {
    const Preference preference(f, workspace_bytes);
    std::vector<cublasLtMatmulHeuristicResult_t> results(static_cast<size_t>(most));
    int found = 0;
    const cublasStatus_t status =
        cublasLtMatmulAlgoGetHeuristic(handle, p.operation, p.a, p.b, p.c, p.c, preference.handle, most, results.data(), &found);
    if (status != CUBLAS_STATUS_SUCCESS || found == 0) {
      throw Unimplemented("cuBLASLt has no algorithm for the product ", Text(f), ": ", cublasLtGetStatusName(status));
    }
    results.resize(static_cast<size_t>(found));
    std::erase_if(results, [](const auto& result) { return result.state != CUBLAS_STATUS_SUCCESS; });
    return results;
  }

  void Multiply(cudaStream_t stream, Prepared& p, const ProductForm& f, const cublasLtMatmulAlgo_t& algorithm,
                const ProductOperands& o, void* workspace, size_t workspace_bytes) {
    if (f.bias) Set(p.operation, CUBLASLT_MATMUL_DESC_BIAS_POINTER, o.bias);
    const float one = 1, beta = f.addend ? 1 : 0;
    CheckBlas(cublasLtMatmul(handle, p.operation, &one, o.b, p.a, o.a, p.b, &beta, f.addend ? o.addend : o.c, p.c, o.c, p.c,
                             &algorithm, workspace, workspace_bytes, stream),
              "cublasLtMatmul");
  }
};

Products::Products(const std::string& algorithms) : impl_(std::make_unique<Impl>()) {
  CheckBlas(cublasLtCreate(&impl_->handle), "cublasLtCreate");
  std::istringstream lines(algorithms);
  for (std::string line; std::getline(lines, line);) {
    const size_t at = line.find('=');
    if (at != std::string::npos) impl_->algorithms[line.substr(0, at)] = line.substr(at + 1);
  }
}

Products::~Products() = default;

void Products::Run(cudaStream_t stream, const ProductForm& form, const ProductOperands& operands, void* workspace,
                   size_t workspace_bytes) {
  workspace_bytes = std::min(workspace_bytes, kProductWorkspaceBytes);
  Prepared& p = impl_->Prepare(form);
  if (!p.chosen) {
    const auto known = impl_->algorithms.find(Text(form));
    p.algorithm =
        known != impl_->algorithms.end() ? FromHex(known->second) : impl_->Proposals(p, form, workspace_bytes, 1).at(0).algo;
    p.chosen = true;
  }
  impl_->Multiply(stream, p, form, p.algorithm, operands, workspace, workspace_bytes);
}

std::string Products::Tune(cudaStream_t stream, const ProductForm& form, const ProductOperands& operands, void* workspace,
                           size_t workspace_bytes) {
  constexpr int kProposals = 8, kRounds = 5;
  workspace_bytes = std::min(workspace_bytes, kProductWorkspaceBytes);
  Prepared& p = impl_->Prepare(form);
  const auto proposals = impl_->Proposals(p, form, workspace_bytes, kProposals);
  cudaEvent_t begin = nullptr, end = nullptr;
  Check(cudaEventCreate(&begin), "cudaEventCreate");
  Check(cudaEventCreate(&end), "cudaEventCreate");
  std::vector<std::vector<float>> times(proposals.size());
  // Round after round over all proposals, so that a chip that gets warm does so for all of them; the first round warms up.
  for (int round = 0; round <= kRounds; ++round) {
    for (size_t i = 0; i < proposals.size(); ++i) {
      Check(cudaEventRecord(begin, stream), "cudaEventRecord");
      impl_->Multiply(stream, p, form, proposals[i].algo, operands, workspace, workspace_bytes);
      Check(cudaEventRecord(end, stream), "cudaEventRecord");
      Check(cudaEventSynchronize(end), "waiting for the GPU");
      float ms = 0;
      Check(cudaEventElapsedTime(&ms, begin, end), "cudaEventElapsedTime");
      if (round > 0) times[i].push_back(ms);
    }
  }
  cudaEventDestroy(begin);
  cudaEventDestroy(end);
  const auto median = [&](size_t i) {
    std::nth_element(times[i].begin(), times[i].begin() + kRounds / 2, times[i].end());
    return times[i][kRounds / 2];
  };
  size_t best = 0;
  float fastest = median(0) * 0.98f;  // another one must be worth it
  for (size_t i = 1; i < proposals.size(); ++i) {
    if (const float time = median(i); time < fastest) {
      fastest = time;
      best = i;
    }
  }
  return best == 0 ? "" : StrCat(Text(form), "=", Hex(proposals[best].algo), "\n");
}

std::string Products::Version() {
  const size_t version = cublasLtGetVersion();
  return StrCat("cuBLASLt ", version / 10000, ".", version / 100 % 100, ".", version % 100);
}

}  // namespace hlm::cuda
