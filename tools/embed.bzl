"""Files as constants of a program: what a browser or a person should be able to open stays a file of its own kind."""

def embed(name, files, **kwargs):
    """A cc_library with a header for each file: FILE.h defines a constant with the file's bytes.

    Args:
      name: of the library.
      files: a dictionary from a file to the constant's name. A file is text without a NUL and without `)embedded"`.
      **kwargs: of the library.
    """
    headers = []
    for file, constant in files.items():
        headers.append(file + ".h")
        native.genrule(
            name = name + "_" + constant,
            srcs = [file],
            outs = [file + ".h"],
            # The "x" keeps the newlines at the end, which a substitution drops. A raw string begins right behind its bracket.
            cmd = """
text="$$(cat $< && echo x)" && text="$${text%%x}"
case "$$text" in *')embedded"'*) echo "$<: holds the mark that ends an embedded text" >&2; exit 1;; esac
printf '// Made of %s.\\n#pragma once\\n\\nnamespace horizon {\\n\\ninline constexpr char %s[] = R"embedded(%s)embedded";\\n\\n}  // namespace horizon\\n' \\
  '{file}' '{constant}' "$$text" > $@
""".replace("{file}", native.package_name() + "/" + file).replace("{constant}", constant),
        )
    native.cc_library(name = name, hdrs = headers, **kwargs)

def embed_table(name, srcs, constant, **kwargs):
    """A cc_library with one header, NAME.h: a table of texts, each by its file's name without folder and extension, in the order of srcs.

    Args:
      name: of the library, and of the header.
      srcs: the files: text without a NUL and without `)embedded"`.
      constant: the table's name; its elements have `name` and `text`.
      **kwargs: of the library.
    """
    native.genrule(
        name = name + "_table",
        srcs = srcs,
        outs = [name + ".h"],
        cmd = """
{
printf '#pragma once\\n\\nnamespace horizon {\\n\\ninline constexpr struct {\\n  const char *name, *text;\\n} %s[] = {\\n' '{constant}'
for file in $(SRCS); do
  case "$$(cat $$file)" in *')embedded"'*) echo "$$file: holds the mark that ends an embedded text" >&2; exit 1;; esac
  base=$${file##*/}
  printf '    {"%s", R"embedded(' "$${base%.*}" && cat $$file && printf ')embedded"},\\n'
done
printf '};\\n\\n}  // namespace horizon\\n'
} > $@
""".replace("{constant}", constant),
    )
    native.cc_library(name = name, hdrs = [name + ".h"], **kwargs)
