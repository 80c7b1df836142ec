"""go_module: folders with a Go module's repository and with what a module proxy serves of it; pack.py says what is in them."""

def _go_module_impl(ctx):
    repository = ctx.actions.declare_directory(ctx.attr.folder)
    proxy = ctx.actions.declare_directory(ctx.attr.folder + "_proxy")
    arguments = ctx.actions.args()
    arguments.add(ctx.file._pack)
    for name, value in [
        ("path", ctx.attr.path),
        ("version", ctx.attr.version),
        ("header", ctx.file.header),
        ("license", ctx.file.license),
        ("third-party", ctx.file.third_party),
        ("wrapper", ctx.file.wrapper),
        ("generated", ctx.file.archive),
        ("out", repository.path),
        ("proxy", proxy.path),
    ]:
        arguments.add("--" + name, value)
    arguments.add_all(ctx.files.libraries, before_each = "--libraries")
    arguments.add_all(ctx.files.native_srcs, before_each = "--native")
    arguments.add_all(ctx.files.srcs)
    ctx.actions.run(
        executable = "/usr/bin/python3",
        arguments = [arguments],
        inputs = ctx.files.srcs + ctx.files.native_srcs + ctx.files.libraries +
                 [ctx.file._pack, ctx.file.header, ctx.file.license, ctx.file.third_party, ctx.file.wrapper, ctx.file.archive],
        outputs = [repository, proxy],
        mnemonic = "GoModule",
    )
    return [
        DefaultInfo(files = depset([repository]), runfiles = ctx.runfiles([repository])),
        OutputGroupInfo(proxy = depset([proxy])),
    ]

go_module = rule(
    implementation = _go_module_impl,
    attrs = {
        "srcs": attr.label_list(allow_files = True, doc = "Files of the module's root."),
        "native_srcs": attr.label_list(allow_files = True, doc = "Headers that the generated files include."),
        "libraries": attr.label_list(allow_files = True, doc = "Archives of the libraries that the module of a platform carries."),
        "header": attr.label(allow_single_file = True, doc = "The C header."),
        "license": attr.label(allow_single_file = True),
        "third_party": attr.label(allow_single_file = True, doc = "Licences of what is carried."),
        "wrapper": attr.label(allow_single_file = True, doc = "SWIG's C++ file."),
        "archive": attr.label(allow_single_file = True, doc = "SWIG's Go files."),
        "path": attr.string(doc = "The module's path."),
        "version": attr.string(),
        "folder": attr.string(doc = "The repository's folder."),
        "_pack": attr.label(allow_single_file = True, default = "//bindings/go:pack.py"),
    },
)
