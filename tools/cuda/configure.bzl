"""Where the CUDA toolkit, cuDNN's frontend and CUTLASS are, as the repository @cuda. Without them it is empty, and what needs it is not
built.

The toolkit: $CUDA_HOME, or /usr/local/cuda. The other two (headers only) lie where tools/setup.sh puts them: cudnn-frontend and cutlass in
${HORIZON_LM_CACHE:-$HOME/.cache/horizon-lm}. HORIZON_LM_CUDA=off: as if there were none.
"""

def _cuda_configure_impl(ctx):
    env = ctx.os.environ
    toolkit = env.get("CUDA_HOME", "/usr/local/cuda")
    cache = env.get("HORIZON_LM_CACHE", env.get("HOME", "/tmp") + "/.cache/horizon-lm")
    frontend = cache + "/cudnn-frontend"
    cutlass = cache + "/cutlass"
    wanted = [
        toolkit + "/bin/nvcc",
        toolkit + "/include/cublasLt.h",
        toolkit + "/include/cudnn.h",
        frontend + "/include/cudnn_frontend.h",
        cutlass + "/include/cutlass/cutlass.h",
    ]
    found = env.get("HORIZON_LM_CUDA", "auto") != "off"
    for file in wanted:
        found = found and ctx.path(file).exists
    if found:
        for name in ["bin", "nvvm", "include", "lib64"]:
            ctx.symlink(toolkit + "/" + name, name)
        ctx.symlink(frontend + "/include", "frontend/include")
        ctx.symlink(cutlass + "/include", "cutlass/include")
    ctx.file("found.bzl", "HAVE_CUDA = %s\n" % found)
    ctx.symlink(Label("//third_party:cuda.BUILD"), "BUILD")

cuda_configure = repository_rule(
    implementation = _cuda_configure_impl,
    environ = ["CUDA_HOME", "HORIZON_LM_CACHE", "HORIZON_LM_CUDA", "HOME"],
    local = True,
)
