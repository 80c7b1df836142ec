"""go_module: a folder that is a Go module, from sources and an archive of generated files."""

def _go_module_impl(ctx):
    folder = ctx.actions.declare_directory(ctx.attr.folder)
    native = folder.path + "/internal/native"
    ctx.actions.run_shell(
        inputs = ctx.files.srcs + ctx.files.native_srcs + [ctx.file.wrapper, ctx.file.archive],
        outputs = [folder],
        command = " && ".join([
            "mkdir -p " + native,
            "cp -L %s %s/" % (" ".join([f.path for f in ctx.files.srcs]), folder.path),
            "cp -L %s %s/" % (" ".join([f.path for f in ctx.files.native_srcs]), native),
            "cp -L %s %s/native_wrap.cxx" % (ctx.file.wrapper.path, native),
            "tar xf %s -C %s" % (ctx.file.archive.path, native),
            "chmod -R u+w,a+rX " + folder.path,
        ]),
        mnemonic = "GoModule",
    )
    return [DefaultInfo(files = depset([folder]), runfiles = ctx.runfiles([folder]))]

go_module = rule(
    implementation = _go_module_impl,
    attrs = {
        "srcs": attr.label_list(allow_files = True, doc = "Files of the module's root."),
        "native_srcs": attr.label_list(allow_files = True, doc = "Files of internal/native that are not generated."),
        "wrapper": attr.label(allow_single_file = True, doc = "SWIG's C++ file."),
        "archive": attr.label(allow_single_file = True, doc = "SWIG's Go files."),
        "folder": attr.string(doc = "The folder's name."),
    },
)
