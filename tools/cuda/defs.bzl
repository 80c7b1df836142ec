"""cuda_library: .cu files compiled by nvcc, their objects handed to cc_* rules. needs_cuda: leaves a target out where there is no toolkit."""

load("@bazel_tools//tools/cpp:toolchain_utils.bzl", "find_cpp_toolchain")
load("@cuda//:found.bzl", "HAVE_CUDA")

# What programs that may run on a GPU carry beside them.
cuda_plugin = ["//c_api:libhorizonlm_cuda.so"] if HAVE_CUDA else []

needs_cuda = [] if HAVE_CUDA else ["//tools/cuda:without_cuda_toolkit"]

_ONE = ["arch=compute_90,code=sm_90"]
_ALL = ["arch=compute_%s,code=sm_%s" % (a, a) for a in ["80", "86", "89", "90", "100", "120"]] + ["arch=compute_120,code=compute_120"]

def _cuda_library_impl(ctx):
    toolchain = find_cpp_toolchain(ctx)
    features = cc_common.configure_features(
        ctx = ctx,
        cc_toolchain = toolchain,
        requested_features = ctx.features,
        unsupported_features = ctx.disabled_features,
    )
    deps = [d[CcInfo] for d in ctx.attr.deps]
    own = cc_common.create_compilation_context(headers = depset(ctx.files.hdrs), quote_includes = depset(["."]))
    compilation = cc_common.merge_cc_infos(cc_infos = [CcInfo(compilation_context = own)] + deps).compilation_context

    objects = []
    for source in ctx.files.srcs:
        object = ctx.actions.declare_file("_objs/%s/%s.pic.o" % (ctx.label.name, source.basename[:-3]))
        args = ctx.actions.args()
        args.add_all(["-c", source, "-o", object, "-ccbin", toolchain.compiler_executable])
        # Compressed: device code is two thirds of the library otherwise.
        args.add_all(["-std=c++20", "-O3", "-lineinfo", "--compress-mode=size", "-Werror", "all-warnings"])
        args.add_all(["-Xcompiler", "-fPIC,-fvisibility=hidden,-Wall,-Wextra"])
        for arch in ctx.attr.archs:
            args.add("-gencode", arch)
        args.add_all(ctx.attr.copts)
        args.add_all(compilation.quote_includes, before_each = "-I")
        args.add_all(compilation.includes, before_each = "-isystem")
        args.add_all(compilation.system_includes, before_each = "-isystem")
        ctx.actions.run(
            executable = ctx.executable._nvcc,
            arguments = [args],
            inputs = depset([source] + ctx.files.hdrs, transitive = [compilation.headers, toolchain.all_files]),
            outputs = [object],
            mnemonic = "CudaCompile",
            progress_message = "Compiling CUDA " + source.short_path,
            tools = ctx.files._nvcc_tree,
            use_default_shell_env = True,
            # Linking thousands of headers into a sandbox takes longer than most of these files.
            execution_requirements = {"no-sandbox": "1"},
        )
        objects.append(object)

    linking, _ = cc_common.create_linking_context_from_compilation_outputs(
        name = ctx.label.name,
        actions = ctx.actions,
        feature_configuration = features,
        cc_toolchain = toolchain,
        compilation_outputs = cc_common.create_compilation_outputs(objects = depset(objects), pic_objects = depset(objects)),
        linking_contexts = [d.linking_context for d in deps],
        disallow_dynamic_library = True,
    )
    return [
        DefaultInfo(files = depset(objects)),
        CcInfo(compilation_context = compilation, linking_context = linking),
    ]

_cuda_library = rule(
    implementation = _cuda_library_impl,
    attrs = {
        "srcs": attr.label_list(allow_files = [".cu"]),
        "hdrs": attr.label_list(allow_files = [".h", ".cuh"]),
        "deps": attr.label_list(providers = [CcInfo]),
        "archs": attr.string_list(),
        "copts": attr.string_list(),
        "_nvcc": attr.label(default = "@cuda//:nvcc", executable = True, cfg = "host", allow_single_file = True),
        "_nvcc_tree": attr.label(default = "@cuda//:nvcc_tree", cfg = "host"),
        "_cc_toolchain": attr.label(default = "@bazel_tools//tools/cpp:current_cc_toolchain"),
    },
    toolchains = ["@bazel_tools//tools/cpp:toolchain_type"],
    fragments = ["cpp"],
)

def cuda_library(name, only = None, **kwargs):
    """only: the one architecture that these files are for, "90a"; else all that the configuration names."""

    # Without a toolkit there is no compiler to name, not even in a target that is left out.
    if not HAVE_CUDA:
        native.cc_library(name = name, target_compatible_with = needs_cuda)
        return
    _cuda_library(
        name = name,
        archs = ["arch=compute_%s,code=sm_%s" % (only, only)] if only else select({"//tools/cuda:release": _ALL, "//conditions:default": _ONE}),
        **kwargs
    )
