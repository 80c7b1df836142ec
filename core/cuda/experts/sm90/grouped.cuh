// A grouped product of CUTLASS: copies by the tensor memory accelerator, warps that load and warps that multiply, tensor maps that
// are rewritten on the device from expert to expert.
#ifndef HORIZON_LM_CORE_CUDA_EXPERTS_SM90_GROUPED_CUH_
#define HORIZON_LM_CORE_CUDA_EXPERTS_SM90_GROUPED_CUH_

#include <cutlass/cutlass.h>

// Not the headers that have the kernels of every architecture: they take twice as long to compile.
#include <cutlass/cluster_launch.hpp>
#include <cutlass/device_kernel.h>
#include <cutlass/epilogue/collective/collective_builder.hpp>
#include <cutlass/gemm/collective/collective_builder_decl.hpp>
#include <cutlass/gemm/collective/collective_mma_decl.hpp>
#include <cutlass/gemm/collective/sm90_mma_array_tma_gmma_ss_warpspecialized.hpp>
#include <cutlass/gemm/collective/builders/sm90_gmma_builder.inl>
#include <cutlass/gemm/dispatch_policy.hpp>
#include <cutlass/gemm/group_array_problem_shape.hpp>
#include <cutlass/gemm/kernel/gemm_universal_decl.h>
#include <cutlass/gemm/kernel/sm90_gemm_array_tma_warpspecialized_cooperative.hpp>
#include <cutlass/gemm/kernel/sm90_gemm_array_tma_warpspecialized_pingpong.hpp>

#include "core/base/error.h"
#include "core/cuda/check.h"
#include "core/cuda/experts/sm90/lists.h"

namespace hlm::cuda::sm90 {

using Bf16 = cutlass::bfloat16_t;
using ByRow = cutlass::layout::RowMajor;
using ByColumn = cutlass::layout::ColumnMajor;

// Two blocks of a cluster have neighbouring tiles of m and share what they read of b.
using Pair = cute::Shape<cute::_2, cute::_1, cute::_1>;
// Four have tiles of two rows and two columns, and share what they read of both.
using Square = cute::Shape<cute::_2, cute::_2, cute::_1>;
// Two groups of warps halve a large tile.
struct Cooperative {
  using Tile = cute::Shape<cute::_128, cute::_256, cute::_64>;
  using Loop = cutlass::gemm::KernelPtrArrayTmaWarpSpecializedCooperative;
  using End = cutlass::epilogue::PtrArrayTmaWarpSpecializedCooperative;
};
// Two groups of warps take turns: one multiplies while the other one writes its tile.
struct Pingpong {
  using Tile = cute::Shape<cute::_128, cute::_128, cute::_64>;
  using Loop = cutlass::gemm::KernelPtrArrayTmaWarpSpecializedPingpong;
  using End = cutlass::epilogue::PtrArrayTmaWarpSpecializedPingpong;
};

// A [m, k] and b [k, n] lie as LayoutA and LayoutB say; c (void: none) and d [m, n] by row.
template <class Way, class Cluster, class LayoutA, class LayoutB, class C, class D, class Fusion>
struct Grouped {
  using Arch = cutlass::arch::Sm90;
  using Class = cutlass::arch::OpClassTensorOp;
  static constexpr int kAlign = 8, kAlignD = 16 / static_cast<int>(sizeof(D));
  using Epilogue = typename cutlass::epilogue::collective::CollectiveBuilder<
      Arch, Class, typename Way::Tile, Cluster, cutlass::epilogue::collective::EpilogueTileAuto, float, float, C, ByRow*, kAlignD,
      D, ByRow*, kAlignD, typename Way::End, Fusion>::CollectiveOp;
  using Loop = typename cutlass::gemm::collective::CollectiveBuilder<
      Arch, Class, Bf16, LayoutA*, kAlign, Bf16, LayoutB*, kAlign, float, typename Way::Tile, Cluster,
      cutlass::gemm::collective::StageCountAutoCarveout<static_cast<int>(sizeof(typename Epilogue::SharedStorage))>,
      typename Way::Loop>::CollectiveOp;
  using Problem = cutlass::gemm::GroupProblemShape<cute::Shape<int, int, int>>;
  using Kernel = cutlass::gemm::kernel::GemmUniversal<Problem, Loop, Epilogue>;

  using StrideA = typename Kernel::InternalStrideA;
  using StrideB = typename Kernel::InternalStrideB;
  using StrideD = typename Kernel::InternalStrideD;
  static_assert(sizeof(StrideA) == sizeof(int64_t) && sizeof(StrideB) == sizeof(int64_t) && sizeof(StrideD) == sizeof(int64_t));
  static_assert(sizeof(cute::Shape<int, int, int>) == 3 * sizeof(int));

  // set(thread): the arguments of the fusion.
  template <class Set>
  static void Run(cudaStream_t stream, const char* what, int64_t experts, const Lists& lists, const Set& set) {
    typename Kernel::Arguments args;
    args.mode = cutlass::gemm::GemmUniversalMode::kGrouped;
    args.problem_shape.num_groups = static_cast<int32_t>(experts);
    args.problem_shape.problem_shapes = reinterpret_cast<cute::Shape<int, int, int>*>(lists.shapes);
    args.problem_shape.host_problem_shapes = nullptr;  // nobody but the device knows
    args.mainloop.ptr_A = reinterpret_cast<const Bf16**>(lists.a);
    args.mainloop.ptr_B = reinterpret_cast<const Bf16**>(lists.b);
    args.mainloop.dA = reinterpret_cast<StrideA*>(lists.a_strides);
    args.mainloop.dB = reinterpret_cast<StrideB*>(lists.b_strides);
    args.epilogue.ptr_D = reinterpret_cast<D**>(lists.d);
    args.epilogue.dD = reinterpret_cast<StrideD*>(lists.d_strides);
    if constexpr (!std::is_void_v<C>) {
      args.epilogue.ptr_C = const_cast<const C**>(reinterpret_cast<C**>(lists.d));
      args.epilogue.dC = args.epilogue.dD;
    } else {
      args.epilogue.ptr_C = nullptr;
      args.epilogue.dC = nullptr;
    }
    set(args.epilogue.thread);
    Check(cudaGetDevice(&args.hw_info.device_id), "cudaGetDevice");
    Check(cudaDeviceGetAttribute(&args.hw_info.sm_count, cudaDevAttrMultiProcessorCount, args.hw_info.device_id),
          "cudaDeviceGetAttribute");
    const size_t bytes = Kernel::get_workspace_size(args);
    HLM_CHECK(bytes <= kRestBytes, what, " needs ", bytes, " bytes for the tensor maps of ", args.hw_info.sm_count,
              " multiprocessors");
    typename Kernel::Params params = Kernel::to_underlying_arguments(args, lists.rest);
    const void* kernel = reinterpret_cast<const void*>(cutlass::device_kernel<Kernel>);
    Check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, Kernel::SharedStorageSize), what);
    void* kernel_args[] = {&params};
    const dim3 cluster(cute::size<0>(Cluster{}), cute::size<1>(Cluster{}), cute::size<2>(Cluster{}));
    const cutlass::Status status =
        cutlass::ClusterLauncher::launch(Kernel::get_grid_shape(params), cluster, Kernel::get_block_shape(),
                                         Kernel::SharedStorageSize, stream, kernel, kernel_args);
    CheckLaunch(what);
    if (status != cutlass::Status::kSuccess) throw Internal(what, ": ", cutlassGetStatusString(status));
  }
};

}  // namespace hlm::cuda::sm90

#endif  // HORIZON_LM_CORE_CUDA_EXPERTS_SM90_GROUPED_CUH_
