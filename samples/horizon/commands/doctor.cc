// horizon doctor
#include "samples/horizon/commands/doctor.h"

#include <dlfcn.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <set>

#include "samples/horizon/base/activity.h"
#include "samples/horizon/base/text.h"
#include "samples/horizon/commands/command.h"
#include "samples/horizon/options/presets.h"
#include "samples/horizon/run/engine.h"

namespace horizon {
namespace {

using Clock = std::chrono::steady_clock;

std::string FolderOf(const std::string& path) { return path.substr(0, path.rfind('/')); }

std::string LibraryPath() {
  Dl_info info = {};
  if (dladdr(reinterpret_cast<void*>(&hlm_version), &info) == 0 || info.dli_fname == nullptr) return "";
  char real[4096] = {};
  return realpath(info.dli_fname, real) != nullptr ? real : info.dli_fname;
}

Finding LibraryFinding() {
  const std::string path = LibraryPath();
  return {"library", Health::kGood, std::string("libhorizonlm ") + hlm_version() + (path.empty() ? "" : ", " + path), ""};
}

// Files that this process has mapped whose names begin so: what was loaded, and from where.
std::set<std::string> Loaded(const std::string& begin) {
  std::set<std::string> files;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    const size_t path = line.find('/');
    if (path != std::string::npos && line.substr(line.rfind('/') + 1).starts_with(begin)) files.insert(line.substr(path));
  }
  return files;
}

bool HasNvidiaDevice() { return access("/dev/nvidia0", F_OK) == 0 || access("/proc/driver/nvidia/version", F_OK) == 0; }

Finding DriverFinding() {
  std::ifstream file("/proc/driver/nvidia/version");
  std::string version;
  std::getline(file, version);
  if (const size_t at = version.find("Kernel Module"); at != std::string::npos) version = version.substr(at);
  void* driver = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
  const auto found = Loaded("libcuda.so");
  if (driver != nullptr)
    return {"NVIDIA driver", Health::kGood,
            (version.empty() ? "" : version + ", ") + (found.empty() ? "libcuda.so.1" : *found.begin()), ""};
  if (!HasNvidiaDevice()) return {"NVIDIA driver", Health::kGood, "none, and no NVIDIA device: training runs on the CPU", ""};
  return {"NVIDIA driver", Health::kBad, "there is an NVIDIA device, but libcuda.so.1 is not found",
          "install the driver's user part (libcuda1); a container needs --gpus all and the NVIDIA container toolkit"};
}

// Where the loader finds it, or a wheel's library beside itself.
Finding NcclFinding() {
  const char* const name = "libnccl.so.2";
  const std::string beside = FolderOf(LibraryPath()) + "/../../nvidia/nccl/lib/" + name;
  for (const std::string& path : {std::string(name), beside}) {
    if (dlopen(path.c_str(), RTLD_LAZY | RTLD_LOCAL) == nullptr) continue;
    const auto loaded = Loaded(name);
    return {name, Health::kGood, loaded.empty() ? path : *loaded.begin(), ""};
  }
  return {name, Health::kGood, "not found: processes that share a run exchange arrays by Gloo",
          "for NCCL: pip install 'horizonlm[cuda13]', or put its folder into LD_LIBRARY_PATH"};
}

// After the devices were listed: what the plugin has loaded is where it was found.
std::vector<Finding> CudaFindings() {
  const std::string plugin = FolderOf(LibraryPath()) + "/libhorizonlm_cuda.so";
  const bool has_device = HasNvidiaDevice();
  if (access(plugin.c_str(), F_OK) != 0) {
    return {
        {"CUDA device", has_device ? Health::kWarning : Health::kGood, "libhorizonlm_cuda.so is not beside the library",
         has_device ? "install the package with the CUDA device (pip: the extra cuda13), or build with a CUDA 13 toolkit" : ""}};
  }
  std::vector<Finding> findings = {{"CUDA device", Health::kGood, plugin, ""}};
  for (const char* name : {"libcublasLt.so.13", "libcudnn.so.9", "libnvrtc.so.13"}) {
    const auto loaded = Loaded(name);
    if (!loaded.empty()) {
      findings.push_back({name, Health::kGood, *loaded.begin(), ""});
    } else if (has_device && dlopen(name, RTLD_LAZY | RTLD_LOCAL) == nullptr) {
      findings.push_back(
          {name, Health::kBad, "not found", "pip install 'horizonlm[cuda13]', or put its folder into LD_LIBRARY_PATH"});
    } else if (has_device) {
      findings.push_back({name, Health::kGood, *Loaded(name).begin(), ""});
    }
  }
  if (has_device) findings.push_back(NcclFinding());
  return findings;
}

// Ten steps of a small model on the same rows: the loss must fall, and be the same in a second run.
Finding SelfTest(const std::string& device) {
  const Clock::time_point begin = Clock::now();
  const std::string name = "self-test " + device;
  const Activity trying("training a small model on " + device);
  try {
    Options options;
    options.model.preset = "tiny";
    options.engine.device = device;
    options.optimizer.lr = 3e-3;
    constexpr int64_t kRows = 4, kTokens = 64, kSteps = 10;
    double losses[2][2] = {};
    for (auto& run : losses) {
      const Model model = OpenModel(options.model);
      const Plan plan = MakePlan(model, options, HLM_PURPOSE_TRAIN, kRows, kTokens);
      Trainer trainer = MakeTrainer(model, plan, options.optimizer, kSteps);
      Batch batch;
      for (int64_t row = 0; row <= kRows; ++row) batch.offsets.push_back(row * kTokens);
      for (int64_t i = 0; i < kRows * kTokens; ++i) batch.ids.push_back(static_cast<int32_t>((i * i + 7 * i) % 97));
      const hlm_batch view = ViewOf(batch);
      for (int64_t step = 0; step < kSteps; ++step) {
        run[step == 0 ? 0 : 1] = trainer.Step(view).loss;
      }
    }
    const std::string seconds = FormatSeconds(std::chrono::duration<double>(Clock::now() - begin).count());
    const std::string losses_text = Format("loss %.4f to %.4f in ten steps, ", losses[0][0], losses[0][1]);
    if (!std::isfinite(losses[0][1]) || losses[0][1] >= losses[0][0]) {
      return {name, Health::kBad, losses_text + "which did not fall", "report this with the output of horizon doctor --json"};
    }
    if (losses[0][0] != losses[1][0] || losses[0][1] != losses[1][1]) {
      return {name, Health::kBad, losses_text + Format("and %.4f in a second run", losses[1][1]),
              "memory or device may be faulty"};
    }
    return {name, Health::kGood, losses_text + "twice the same, " + seconds, ""};
  } catch (const std::exception& error) {
    return {name, Health::kBad, error.what(), ""};
  }
}

std::vector<Finding> DeviceFindings(bool self_test) {
  std::vector<Finding> findings;
  const Json chosen = Json::parse(hlm::DescribeDevice("auto"));
  const std::string taken = chosen.at("name").get<std::string>();
  const std::string reason = chosen.value("reason", "");
  const bool idle_gpu = taken == "cpu" && HasNvidiaDevice();
  findings.push_back({"--device auto", idle_gpu ? Health::kBad : Health::kGood, taken + (reason.empty() ? "" : ": " + reason),
                      idle_gpu ? "see the driver and libraries above" : ""});
  for (const Json& device : Json::parse(hlm::ListDevices())) {
    const std::string name = device.at("name").get<std::string>();
    std::string value = device.value("description", "");
    if (device.contains("memory_bytes")) value += ", " + FormatBytes(device["memory_bytes"].get<int64_t>());
    if (device.contains("threads")) value += ", " + FormatCount(device["threads"], "thread");
    if (device.contains("bf16") && device["bf16"].is_string()) value += ", bf16 " + device["bf16"].get<std::string>();
    findings.push_back({name, Health::kGood, value, ""});
    if (self_test) findings.push_back(SelfTest(name));
  }
  return findings;
}

const char* Word(Health health) { return health == Health::kGood ? "ok" : health == Health::kWarning ? "warning" : "failed"; }

void Print(const Finding& finding) {
  std::printf("%-8s %-20s %s\n", Word(finding.health), finding.name.c_str(), OneLine(finding.value).c_str());
  if (!finding.advice.empty()) std::printf("%-8s %-20s -> %s\n", "", "", finding.advice.c_str());
  std::fflush(stdout);
}

}  // namespace

int RunDoctor(const Options& options) {
  const auto devices = DeviceFindings(!options.doctor.no_self_test);  // first: it loads what the others look at
  std::vector<Finding> all = {LibraryFinding(), DriverFinding()};
  for (const auto& some : {CudaFindings(), LookAtMachine(options.doctor.folder, HasNvidiaDevice()), devices})
    all.insert(all.end(), some.begin(), some.end());
  Json list = Json::array();
  int64_t bad = 0, warnings = 0;
  for (const Finding& finding : all) {
    bad += finding.health == Health::kBad ? 1 : 0;
    warnings += finding.health == Health::kWarning ? 1 : 0;
    list.push_back({{"name", finding.name},
                    {"status", Word(finding.health)},
                    {"value", OneLine(finding.value)},
                    {"advice", finding.advice}});
    if (!options.json) Print(finding);
  }
  if (options.json) {
    std::printf("%s\n", Json{{"ok", bad == 0}, {"failed", bad}, {"warnings", warnings}, {"findings", list}}
                            .dump(2, ' ', false, Json::error_handler_t::replace)
                            .c_str());
  } else if (bad == 0) {
    std::printf("This machine is ready to train%s.\n", warnings > 0 ? "; what is marked as a warning may slow it down" : "");
  } else {
    std::printf("%s: training will not work, or not as it should, until it does.\n",
                bad == 1 ? "One thing failed" : (FormatCount(bad) + " things failed").c_str());
  }
  return bad == 0 ? kExitOk : kExitError;
}

}  // namespace horizon
