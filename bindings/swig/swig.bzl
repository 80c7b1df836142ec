"""swig_module: one language's wrapper of horizonlm.i, and the files in that language."""

# `wrapper` is the C++ file; `archive`, where named, a tar of the generated files of the language. SWIG makes a constant of a plain number
# only, in Go and C#: the header's numbers below 0 lose their parentheses.
def swig_module(name, srcs, flags, wrapper, archive = None, outs = []):
    native.genrule(
        name = name,
        srcs = srcs,
        outs = [wrapper] + ([archive] if archive else []),
        cmd = " && ".join([
            "out=$$(mktemp -d)",
            "plain=$$(mktemp -d)",
            "sed -E 's/^(#define HLM_[A-Z0-9_]+ )\\((-[0-9]+)\\)/\\1\\2/' c_api/horizon_lm.h >$$plain/horizon_lm.h",
            "swig -c++ -Wall -Werror {flags} -Ibindings/swig -I$$plain -Ic_api -outdir $$out -o $(location {wrapper}) bindings/swig/horizonlm.i",
            "tar cf $(location {archive}) --sort=name --owner=0 --group=0 --mtime=@0 -C $$out ." if archive else "true",
            "rm -rf $$out $$plain",
        ]).format(flags = flags, wrapper = wrapper, archive = archive),
        message = "Wrapping the C API with SWIG for " + name,
    )
