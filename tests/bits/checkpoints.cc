// Checkpoints: what is read back, what a run that went on computes, the folders that are saved, and checkpoints of an earlier
// library.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "tests/bits/rig.h"

namespace hlm_bits {
namespace {

namespace fs = std::filesystem;

struct Kind {
  const char* name;
  const char* golden;
  int32_t compute;
  PlanChange plan;
};

const std::vector<Kind>& Kinds() {
  static const std::vector<Kind> kinds = {
      {"f32", "llama3_rope_parameters", HLM_DTYPE_F32, [](hlm_plan_options&) {}},
      {"bf16_tied", "qwen2_tied_wide", HLM_DTYPE_BF16, [](hlm_plan_options&) {}},
      {"bf16_no_remainder_int8", "qwen3_window_wide", HLM_DTYPE_BF16,
       [](hlm_plan_options& o) { o.states = HLM_STATES_INT8, o.master = HLM_MASTER_NONE; }},
      {"bf16_states_bf16_parts", "llama_odd_wide", HLM_DTYPE_BF16,
       [](hlm_plan_options& o) { o.states = HLM_STATES_BF16, o.max_part_bytes = 16384; }},
      {"f32_lion", "mistral_f16_sharded_wide", HLM_DTYPE_F32, [](hlm_plan_options& o) { o.optimizer = HLM_OPTIMIZER_LION; }},
  };
  return kinds;
}

// The weights in a saved folder, in the order of their names; other files may say who wrote them.
void PutFolder(Case& c, const std::string& item, const std::string& folder) {
  std::set<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".safetensors") files.insert(entry.path());
  }
  Digest digest;
  for (const fs::path& path : files) {
    std::ifstream file(path, std::ios::binary);
    digest.Text(path.filename()).Text(std::string(std::istreambuf_iterator<char>(file), {}));
  }
  c.Put(item, digest);
}

void SaveAndGoOn(Case& c, const Kind& kind, const Golden& golden, const std::string& directory, bool background,
                 int64_t snapshot_bytes) {
  const PlanChange plan = [&](hlm_plan_options& o) {
    kind.plan(o);
    o.snapshot_bytes = snapshot_bytes;
  };
  {
    Rig rig(c, golden, kind.compute, plan);
    rig.Steps("first_", 3);
    rig.trainer().SetLearningRate(2e-3);
    hlm::CheckpointOptions options;
    options.background = background;
    options.user_data = "three";
    rig.trainer().Save(directory, options);
    rig.Steps("second_", 3);
    rig.State("second_");
    rig.trainer().SaveWait();
  }
  Rig rig(c, golden, kind.compute, plan, nullptr, "numerics_of_the_second");
  rig.trainer().Resume(directory);
  rig.State("read_back_");
  rig.Steps("again_", 3);  // the golden's batches in turn: there are three
  rig.State("again_");
}

void SaveFolders(Case& c, const Kind& kind, const Golden& golden, const std::string& directory) {
  Rig rig(c, golden, kind.compute, kind.plan);
  rig.Steps("", 2);
  const std::pair<const char*, int32_t> types[] = {
      {"source", HLM_DTYPE_SOURCE}, {"f32", HLM_DTYPE_F32}, {"bf16", HLM_DTYPE_BF16}, {"f16", HLM_DTYPE_F16}};
  for (const auto& [name, type] : types) {
    hlm::SaveOptions options;
    options.dtype = type;
    options.max_shard_bytes = 20000;
    const std::string folder = directory + "/" + name;
    rig.trainer().SaveModel(folder, options);
    PutFolder(c, std::string("folder_") + name, folder);
  }
}

// For a later library. Nothing of it is recorded: the library that finds it there does not write.
void WriteKept(const Kind& kind, const Golden& golden, const std::string& directory) {
  Record unread("");
  Case unread_case(unread, "written");
  Rig rig(unread_case, golden, kind.compute, kind.plan);
  rig.Steps("", 3);
  hlm::CheckpointOptions options;
  options.background = 0;
  options.user_data = "kept";
  rig.trainer().Save(directory, options);
}

// The checkpoint that an earlier library left in `kept`, or where there is none this one's.
void ReadKept(Case& c, const Kind& kind, const Golden& golden, const std::string& directory) {
  if (!fs::exists(directory)) {
    fs::create_directories(fs::path(directory).parent_path());
    WriteKept(kind, golden, directory);
  }
  Rig rig(c, golden, kind.compute, kind.plan);
  hlm::ResumeOptions options;
  options.allow_numerics_change = 1;  // it may come from another machine
  rig.trainer().Resume(directory, options);
  rig.State("");
}

}  // namespace

void RunCheckpoints(Record& record, const std::string& scratch, const std::string& kept) {
  for (const Kind& kind : Kinds()) {
    const Golden golden = hlm_golden::LoadGolden(kind.golden);
    const std::string prefix = std::string("checkpoints/") + kind.name + "/";
    const std::string own = scratch + "/" + kind.name;
    fs::create_directories(own);
    record.Run(prefix + "background", [&](Case& c) { SaveAndGoOn(c, kind, golden, own + "/background", true, 0); });
    record.Run(prefix + "snapshot", [&](Case& c) { SaveAndGoOn(c, kind, golden, own + "/snapshot", true, -1); });
    record.Run(prefix + "at_once", [&](Case& c) { SaveAndGoOn(c, kind, golden, own + "/at_once", false, 0); });
    record.Run(prefix + "folders", [&](Case& c) {
      fs::create_directories(own + "/folders");
      SaveFolders(c, kind, golden, own + "/folders");
    });
    if (!kept.empty()) {
      record.Run(prefix + "kept", [&](Case& c) { ReadKept(c, kind, golden, kept + "/" + kind.name); });
    }
  }
}

}  // namespace hlm_bits
