#include "core/group/launcher.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "core/base/error.h"
#include "core/group/starter.h"

namespace hlm {
namespace {

// Ports that are derived lie below those that systems hand out by themselves.
constexpr uint64_t kFirstPort = 15000, kPorts = 15000;

class Variables {
 public:
  explicit Variables(const Environment& environment) : environment_(environment) {}
  std::optional<std::string> Text(const char* name) const {
    const char* value = environment_(name);
    if (value == nullptr || *value == '\0') return std::nullopt;
    return value;
  }
  std::optional<int64_t> Number(const char* name) const {
    const std::optional<std::string> text = Text(name);
    if (!text) return std::nullopt;
    int64_t value = 0;
    const auto [stop, error] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (error != std::errc() || stop != text->data() + text->size())
      throw InvalidArgument(name, " is \"", *text, "\"; it must be a whole number");
    return value;
  }
  // Where one of a launcher's variables is there, the others must be.
  int64_t Needed(const char* name, const char* beside) const {
    const std::optional<int64_t> value = Number(name);
    if (!value) throw FailedPrecondition(beside, " is set and ", name, " is not: a launcher sets both");
    return *value;
  }

 private:
  const Environment& environment_;
};

uint64_t Hash(std::string_view text) {  // FNV-1a
  uint64_t hash = 14695981039346656037ull;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  return hash;
}

std::string DerivedPort(const std::string& of) { return std::to_string(kFirstPort + Hash(of) % kPorts); }

// The first host of "node[03-07,12]-a,other", or of "rack[0-3]node[1-8]".
std::string FirstHost(std::string_view list) {
  std::string host;
  while (true) {
    const size_t bracket = list.find_first_of("[,");
    host += list.substr(0, bracket);
    if (bracket == std::string_view::npos || list[bracket] == ',') return host;
    const size_t close = list.find(']', bracket), end = list.find_first_of("-,]", bracket);
    if (close == std::string_view::npos)
      throw InvalidArgument("the list of nodes has no ] behind \"", list.substr(bracket), "\"");
    host += list.substr(bracket + 1, end - bracket - 1);
    list.remove_prefix(close + 1);
  }
}

// Entry `node` of "2(x3),1".
int64_t TasksOfNode(const std::string& text, int64_t node) {
  int64_t at = 0;
  for (const char *p = text.data(), *end = p + text.size(); p < end;) {
    int64_t tasks = 0, times = 1;
    auto [stop, error] = std::from_chars(p, end, tasks);
    if (error != std::errc()) break;
    if (end - stop > 2 && stop[0] == '(' && stop[1] == 'x') {
      const auto [close, bad] = std::from_chars(stop + 2, end, times);
      if (bad != std::errc()) break;
      stop = close + 1;
    }
    at += times;
    if (node < at) return tasks;
    p = stop + 1;
  }
  return 1;
}

// MASTER_ADDR and MASTER_PORT, both or none.
std::optional<std::string> Master(const Variables& v) {
  const std::optional<std::string> host = v.Text("MASTER_ADDR"), port = v.Text("MASTER_PORT");
  if (!host && !port) return std::nullopt;
  if (!host) throw FailedPrecondition("MASTER_PORT is ", *port, " and MASTER_ADDR is not set: it names rank 0's machine");
  if (!port)
    throw FailedPrecondition("MASTER_ADDR is ", *host, " and MASTER_PORT is not set: it is the port on which rank 0 listens");
  return host->find(':') != std::string::npos ? StrCat("[", *host, "]:", *port) : StrCat(*host, ":", *port);
}

RankAddress Torchrun(const Variables& v) {
  RankAddress place{.rank = v.Needed("RANK", "WORLD_SIZE"),
                    .size = v.Needed("WORLD_SIZE", "RANK"),
                    .local_size = v.Number("LOCAL_WORLD_SIZE").value_or(1),
                    .launcher = "torchrun"};
  const std::optional<std::string> master = Master(v);
  if (place.size > 1 && !master)
    throw FailedPrecondition("WORLD_SIZE is ", place.size, " and MASTER_ADDR and MASTER_PORT are not set");
  place.address = master.value_or("");
  place.token = StrCat(v.Text("TORCHELASTIC_RUN_ID").value_or(""), ".", v.Text("TORCHELASTIC_RESTART_COUNT").value_or("0"));
  place.at_store = v.Text("TORCHELASTIC_USE_AGENT_STORE").value_or("") == "True";
  return place;
}

// `job`: what all processes of a run have in common; `here`: what those of one machine have; `way`: how its launcher hands variables on.
RankAddress OfMpi(const Variables& v, RankAddress place, const std::optional<std::string>& job,
                  const std::optional<std::string>& here, const char* way) {
  place.token = job.value_or("");
  if (const auto master = Master(v)) {
    place.address = *master;
  } else if (place.size > 1 && place.local_size == place.size && (job || here)) {
    place.token = job ? *job : *here;
    place.address = "127.0.0.1:" + DerivedPort(place.token);
  } else if (place.size > 1) {
    throw FailedPrecondition("MASTER_ADDR and MASTER_PORT are not set: ", place.launcher, " does not say where rank 0 is (", way,
                             ")");
  }
  return place;
}

// What MPICH's and Intel MPI's processes of one machine have in common: the proxy that has started them.
std::string ProxyOfAll() { return StrCat("pid ", StarterOf(getpid(), "PMI_RANK")); }

// Tasks of srun know the number of their step and of its tasks; older ones that of the job's tasks only, and where they stand, or their
// number. A batch script is task 0 of none: it says so.
bool IsSlurmTask(const Variables& v) {
  if (v.Text("SLURM_STEP_NUM_TASKS")) return true;
  constexpr int64_t kReservedSteps = 4294967280;  // batch scripts, interactive shells and the like
  if (!v.Text("SLURM_PROCID") || !v.Text("SLURM_NTASKS") || v.Text("ENVIRONMENT") == "BATCH") return false;
  if (!v.Text("SLURM_STEP_ID")) return v.Text("SLURM_LOCALID") || v.Text("SLURM_NODEID") || *v.Number("SLURM_PROCID") > 0;
  return v.Text("SLURM_STEP_ID") != "batch" && *v.Number("SLURM_STEP_ID") < kReservedSteps;
}

RankAddress Slurm(const Variables& v) {
  const char* size = v.Text("SLURM_STEP_NUM_TASKS") ? "SLURM_STEP_NUM_TASKS" : "SLURM_NTASKS";
  RankAddress place{.rank = v.Needed("SLURM_PROCID", size), .size = v.Needed(size, "SLURM_PROCID"), .launcher = "Slurm"};
  const std::string tasks = v.Text("SLURM_STEP_TASKS_PER_NODE").value_or(v.Text("SLURM_TASKS_PER_NODE").value_or("1"));
  place.local_size =
      std::max(TasksOfNode(tasks, v.Number("SLURM_NODEID").value_or(0)), v.Number("SLURM_LOCALID").value_or(0) + 1);
  const std::string job = StrCat(v.Text("SLURM_JOB_ID").value_or("0"), ".", v.Text("SLURM_STEP_ID").value_or("0"));
  place.token = job;
  if (const auto master = Master(v)) {
    place.address = *master;
  } else if (place.size > 1) {
    const std::optional<std::string> nodes = v.Text("SLURM_STEP_NODELIST"), all = v.Text("SLURM_JOB_NODELIST");
    if (!nodes && !all) throw FailedPrecondition("SLURM_STEP_NODELIST is not set, and neither is MASTER_ADDR");
    place.address = StrCat(FirstHost(nodes ? *nodes : *all), ":", DerivedPort(job));
  }
  return place;
}

// A launcher's rank without the size of its run is no place, and no process that is alone.
void CheckNoRankAlone(const Variables& v) {
  for (const auto& [rank, size] : {std::pair{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},
                                   {"PMI_RANK", "PMI_SIZE"},
                                   {"PMI_ID", "PMI_SIZE"},  // MPICH's -pmi-port
                                   {"PMIX_RANK", "OMPI_COMM_WORLD_SIZE"}}) {
    if (!v.Text(rank)) continue;
    throw FailedPrecondition(rank, " is ", *v.Text(rank), " and ", size,
                             " is not set: how many processes the run has is not known; set RANK, WORLD_SIZE, MASTER_ADDR and "
                             "MASTER_PORT");
  }
}

}  // namespace

RankAddress PlaceOf(const Environment& environment, const GroupOptions& options) {
  const Variables v(environment);
  RankAddress place;
  const char *rank_name = "", *local_name = "";
  // The innermost launcher first: torchrun is started by srun, mpirun runs within a Slurm job.
  if (v.Text("RANK") || v.Text("WORLD_SIZE")) {
    place = Torchrun(v);
    rank_name = "RANK", local_name = "LOCAL_WORLD_SIZE";
  } else if (v.Text("OMPI_COMM_WORLD_SIZE")) {
    place = OfMpi(v,
                  {.rank = v.Needed("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
                   .size = v.Needed("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"),
                   .local_size = v.Number("OMPI_COMM_WORLD_LOCAL_SIZE").value_or(1),
                   .launcher = "Open MPI"},
                  v.Text("PMIX_NAMESPACE"), std::nullopt, "mpirun -x MASTER_ADDR=HOST -x MASTER_PORT=29500");
    rank_name = "OMPI_COMM_WORLD_RANK", local_name = "OMPI_COMM_WORLD_LOCAL_SIZE";
  } else if (IsSlurmTask(v)) {
    place = Slurm(v);
    rank_name = "SLURM_PROCID", local_name = "SLURM_STEP_TASKS_PER_NODE";
  } else if (v.Text("PMI_SIZE")) {
    place = OfMpi(v,
                  {.rank = v.Needed("PMI_RANK", "PMI_SIZE"),
                   .size = v.Needed("PMI_SIZE", "PMI_RANK"),
                   .local_size = v.Number("MPI_LOCALNRANKS").value_or(1),
                   .launcher = "PMI"},
                  v.Text("PMI_JOBID"), ProxyOfAll(), "mpiexec -genv MASTER_ADDR HOST -genv MASTER_PORT 29500");
    rank_name = "PMI_RANK", local_name = "MPI_LOCALNRANKS";
  } else {
    CheckNoRankAlone(v);
    return place;
  }
  if (place.size < 1 || place.size > ProcessGroup::kMostRanks || place.rank < 0 || place.rank >= place.size) {
    throw InvalidArgument(rank_name, " is ", place.rank, " in a group of ", place.size,
                          "; a rank lies in [0, the size), a size in [1, ", ProcessGroup::kMostRanks, "]");
  }
  if (place.local_size > 1 && !options.several_per_machine) {
    throw FailedPrecondition(
        rank_name, " ", place.rank, " is one of ", local_name, " ", place.local_size,
        " processes of this machine; one process drives all devices of a machine: start one on each (torchrun "
        "--nproc-per-node=1, srun --ntasks-per-node=1, mpirun --map-by ppr:1:node), or, with the CPU as device, allow "
        "several_per_machine");
  }
  return place;
}

Carrier CarrierOf(const Environment& environment) {
  const std::string text = Variables(environment).Text("HORIZON_LM_CARRIER").value_or(Name(Carrier::kAuto));
  for (const Carrier carrier : {Carrier::kAuto, Carrier::kGloo, Carrier::kNccl, Carrier::kMpi}) {
    if (text == Name(carrier)) return carrier;
  }
  throw InvalidArgument("HORIZON_LM_CARRIER is \"", text, "\"; it must be auto, gloo, nccl or mpi");
}

}  // namespace hlm
