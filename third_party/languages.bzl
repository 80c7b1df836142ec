"""Where the headers of Python and of the JDK are, as the repositories @python and @jdk. Looked for when something needs them.

Python's: Debian's /usr/bin/python3, or $HORIZON_LM_PYTHON (any version from 3.9 will do: the module uses the stable ABI only).
The JDK: $JAVA_HOME, or where javac on the PATH is.
"""

def _python_headers_impl(ctx):
    python = ctx.os.environ.get("HORIZON_LM_PYTHON", "/usr/bin/python3")
    found = ctx.execute([python, "-c", "import sysconfig; print(sysconfig.get_path('include'))"])
    if found.return_code != 0:
        fail("%s cannot be run: %s" % (python, found.stderr))
    folder = found.stdout.strip()
    if not ctx.path(folder + "/Python.h").exists:
        fail("there is no %s/Python.h; tools/setup.sh installs python3-dev" % folder)
    ctx.symlink(folder, "include")
    ctx.file("BUILD", """
cc_library(
    name = "headers",
    hdrs = glob(["include/**/*.h"]),
    includes = ["include"],
    visibility = ["//visibility:public"],
)
""")

python_headers = repository_rule(
    implementation = _python_headers_impl,
    environ = ["HORIZON_LM_PYTHON"],
    local = True,
)

def _jdk_impl(ctx):
    home = ctx.os.environ.get("JAVA_HOME", "")
    if not home or not ctx.path(home + "/include/jni.h").exists:
        javac = ctx.which("javac")
        if javac == None:
            fail("there is no javac on the PATH and no JDK in JAVA_HOME; tools/setup.sh installs openjdk-17-jdk-headless")
        home = str(ctx.path(javac).realpath.dirname.dirname)
    if not ctx.path(home + "/include/jni.h").exists:
        fail("there is no %s/include/jni.h; tools/setup.sh installs openjdk-17-jdk-headless" % home)
    ctx.symlink(home, "home")
    ctx.file("BUILD", """
cc_library(
    name = "jni",
    hdrs = glob(["home/include/**/*.h"]),
    includes = ["home/include", "home/include/linux"],
    visibility = ["//visibility:public"],
)

# The folder of the JDK, for programs that are run from it.
exports_files(["home/bin/javac", "home/bin/jar", "home/bin/javadoc", "home/bin/java"])
""")

jdk = repository_rule(
    implementation = _jdk_impl,
    environ = ["JAVA_HOME", "PATH"],
    local = True,
)
