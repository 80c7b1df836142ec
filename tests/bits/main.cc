// bits run --out FILE [--device NAME] [--like FILE] [--only TEXT] [--kept FOLDER] [--library PATH] | bits compare BEFORE AFTER [--reasons FILE]
#include <dlfcn.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>

#include "tests/bits/rig.h"

namespace hlm_bits {
namespace {

constexpr const char* kUsage =
    "bits run --out FILE [options]   trains small models in many ways and writes hashes of all results\n"
    "  --device NAME    cpu (the default) or cuda:0\n"
    "  --like FILE      plans take their numerics from this earlier record: a GPU's products are chosen by timing\n"
    "  --only TEXT      cases with this in their name\n"
    "  --kept FOLDER    checkpoints that an earlier library wrote; where there are none they are written\n"
    "  --library PATH   insists that the library in use is this one\n"
    "bits compare BEFORE AFTER [--reasons FILE]   prints what differs; exit code 1 where results do without a reason\n";

// A folder that goes with the run.
class Scratch {
 public:
  Scratch() {
    std::string name = (std::filesystem::temp_directory_path() / "bits-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make " + name);
    path_ = name;
  }
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

void CheckLibrary(const std::string& expected) {
  Dl_info info;
  if (dladdr(reinterpret_cast<void*>(&hlm_version), &info) == 0) throw std::runtime_error("cannot tell which library is in use");
  if (!std::filesystem::equivalent(info.dli_fname, expected)) {
    throw std::runtime_error(std::string("the library in use is ") + info.dli_fname + ", not " + expected);
  }
}

int Run(const std::map<std::string, std::string>& options) {
  const auto get = [&](const char* name) { return options.contains(name) ? options.at(name) : ""; };
  if (get("--out").empty()) throw std::runtime_error("--out is needed");
  if (!get("--library").empty()) CheckLibrary(get("--library"));
  if (!get("--device").empty()) device = get("--device");
  Record record(get("--only"));
  if (!get("--like").empty()) record.Like(ReadNumerics(get("--like")));
  const Scratch scratch;
  RunOptimizer(record);
  RunGoldens(record);
  RunPlanOptions(record);
  RunMixtures(record);
  RunLosses(record);
  RunCheckpoints(record, scratch.path(), get("--kept"));
  std::ofstream file(get("--out"), std::ios::binary);
  file << record.Text();
  file.close();
  if (!file) throw std::runtime_error(get("--out") + " cannot be written");
  return 0;
}

int Main(int argc, char** argv) {
  const std::string command = argc > 1 ? argv[1] : "";
  if (command == "compare" && argc == 4) return Compare(argv[2], argv[3]);
  if (command == "compare" && argc == 6 && argv[4] == std::string("--reasons")) return Compare(argv[2], argv[3], argv[5]);
  if (command == "run" && argc % 2 == 0) {
    std::map<std::string, std::string> options;
    for (int i = 2; i < argc; i += 2) {
      const std::string name = argv[i];
      if (std::string(kUsage).find("  " + name + " ") == std::string::npos && name != "--out") {
        throw std::runtime_error(name + " is not an option");
      }
      options[name] = argv[i + 1];
    }
    return Run(options);
  }
  std::cerr << kUsage;
  return 2;
}

}  // namespace
}  // namespace hlm_bits

int main(int argc, char** argv) {
  // Small products on a machine that is busy with other work: threads that spin take forty times as long. OpenMP reads this when
  // it is loaded, so it has to be there before the program.
  if (getenv("OMP_WAIT_POLICY") == nullptr && setenv("OMP_WAIT_POLICY", "passive", 1) == 0) execv("/proc/self/exe", argv);
  try {
    return hlm_bits::Main(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << "\n";
    return 2;
  }
}
