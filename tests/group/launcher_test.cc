// What launchers' variables say.
#include "core/group/launcher.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "core/base/error.h"
#include "core/group/starter.h"
#include "tests/support/code_of.h"

namespace hlm {
namespace {

using Variables = std::map<std::string, std::string>;

RankAddress Place(const Variables& variables, bool several = false) {
  GroupOptions options;
  options.several_per_machine = several;
  return PlaceOf(
      [&](const char* name) {
        const auto found = variables.find(name);
        return found == variables.end() ? nullptr : found->second.c_str();
      },
      options);
}

Variables With(Variables base, const Variables& more) {
  for (const auto& [name, value] : more) base[name] = value;
  return base;
}

std::string Refusal(const Variables& variables) {
  try {
    Place(variables);
  } catch (const Error& error) {
    return StrCat(CodeName(error.code()), ": ", error.message());
  }
  return "";
}

const Variables kTorchrun = {
    {"RANK", "2"},           {"WORLD_SIZE", "4"}, {"LOCAL_RANK", "0"}, {"LOCAL_WORLD_SIZE", "1"}, {"MASTER_ADDR", "node-a"},
    {"MASTER_PORT", "29500"}};
const Variables kSlurm = {{"SLURM_PROCID", "3"},
                          {"SLURM_STEP_NUM_TASKS", "4"},
                          {"SLURM_LOCALID", "0"},
                          {"SLURM_NODEID", "3"},
                          {"SLURM_STEP_TASKS_PER_NODE", "1(x4)"},
                          {"SLURM_STEP_NODELIST", "gpu[07-09,12]-ib,cpu1"},
                          {"SLURM_JOB_ID", "4711"},
                          {"SLURM_STEP_ID", "0"}};
const Variables kOpenMpi = {{"OMPI_COMM_WORLD_RANK", "1"},
                            {"OMPI_COMM_WORLD_SIZE", "2"},
                            {"OMPI_COMM_WORLD_LOCAL_SIZE", "1"},
                            {"PMIX_NAMESPACE", "1234"}};

TEST(Launchers, NoneIsAGroupOfOne) {
  const RankAddress place =
      Place({{"HOME", "/root"}, {"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "4"}});  // a batch script, not a task of srun
  EXPECT_EQ(place.size, 1);
  EXPECT_EQ(place.rank, 0);
  EXPECT_EQ(place.launcher, "");
}

// A batch script's own variables: of a job of several tasks, with no step of srun around it.
TEST(Launchers, ABatchScriptIsAlone) {
  Variables batch = {{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "4"}, {"SLURM_JOB_ID", "4711"}, {"ENVIRONMENT", "BATCH"}};
  EXPECT_EQ(Place(batch).size, 1);
  batch["SLURM_STEP_ID"] = "0";
  EXPECT_EQ(Place(batch).size, 1);
}

TEST(Launchers, ATaskOfSrunMayKnowTheJobsTasksOnly) {
  Variables task = kSlurm;
  task.erase("SLURM_STEP_NUM_TASKS");
  task["SLURM_NTASKS"] = "4";
  EXPECT_EQ(Place(task).size, 4);
  EXPECT_EQ(Place(task).rank, 3);
  EXPECT_EQ(Place(task).address, Place(kSlurm).address);
  task.erase("SLURM_STEP_ID");
  task["SLURM_LOCALID"] = "0";
  EXPECT_EQ(Place(task).size, 4);
  // Whatever else it knows: a batch script says so, and is rank 0.
  for (const char* name : {"SLURM_NODEID", "SLURM_LOCALID"}) {
    Variables one = With(task, {{"SLURM_PROCID", "0"}});
    one.erase(name);
    EXPECT_EQ(Place(one).size, 4) << name;
  }
  task.erase("SLURM_NODEID");
  task.erase("SLURM_LOCALID");
  EXPECT_EQ(Place(task).rank, 3);
  EXPECT_EQ(Place(With(task, {{"ENVIRONMENT", "BATCH"}})).size, 1);
}

TEST(Launchers, ARankWithoutASizeIsRefused) {
  for (const std::string name : {"PMIX_RANK", "OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMI_ID"}) {
    EXPECT_TRUE(Refusal({{name, "1"}}).starts_with("FAILED_PRECONDITION: " + name + " is 1 and ")) << Refusal({{name, "1"}});
  }
}

TEST(Launchers, Torchrun) {
  const RankAddress place = Place(kTorchrun);
  EXPECT_EQ(place.rank, 2);
  EXPECT_EQ(place.size, 4);
  EXPECT_EQ(place.address, "node-a:29500");
  EXPECT_FALSE(place.at_store);
  const RankAddress agent = Place(
      With(kTorchrun,
           {{"TORCHELASTIC_USE_AGENT_STORE", "True"}, {"TORCHELASTIC_RUN_ID", "run"}, {"TORCHELASTIC_RESTART_COUNT", "3"}}));
  EXPECT_TRUE(agent.at_store);
  EXPECT_EQ(agent.token, "run.3");
  EXPECT_EQ(Place(With(kTorchrun, {{"MASTER_ADDR", "fe80::1"}})).address, "[fe80::1]:29500");
  EXPECT_EQ(Place({{"RANK", "0"}, {"WORLD_SIZE", "1"}}).size, 1);  // a group of one needs no address
}

TEST(Launchers, SlurmsFirstNodeAndAPortOfTheJob) {
  const RankAddress place = Place(kSlurm);
  EXPECT_EQ(place.rank, 3);
  EXPECT_EQ(place.size, 4);
  EXPECT_TRUE(place.address.starts_with("gpu07-ib:")) << place.address;
  const int port = std::stoi(place.address.substr(place.address.find(':') + 1));
  EXPECT_GE(port, 15000);
  EXPECT_LT(port, 30000);
  EXPECT_EQ(Place(With(kSlurm, {{"SLURM_PROCID", "0"}})).address, place.address);
  EXPECT_NE(Place(With(kSlurm, {{"SLURM_JOB_ID", "4712"}})).address, place.address);
  EXPECT_EQ(place.token, "4711.0");
  for (const auto& [list, first] : Variables{{"a", "a"},
                                             {"a,b", "a"},
                                             {"n[3]", "n3"},
                                             {"n[3,5-7]", "n3"},
                                             {"n[03-07],m", "n03"},
                                             {"rack[2-3]node[05,07-8]-ib,m", "rack2node05-ib"}}) {
    EXPECT_TRUE(Place(With(kSlurm, {{"SLURM_STEP_NODELIST", list}})).address.starts_with(first + ":")) << list;
  }
  EXPECT_EQ(Place(With(kSlurm, {{"MASTER_ADDR", "x"}, {"MASTER_PORT", "7"}})).address, "x:7");
}

TEST(Launchers, MpiOnOneMachineNeedsNoAddress) {
  EXPECT_EQ(Place(With(kOpenMpi, {{"MASTER_ADDR", "x"}, {"MASTER_PORT", "7"}})).address, "x:7");
  const RankAddress one = Place(With(kOpenMpi, {{"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}}), true);
  EXPECT_TRUE(one.address.starts_with("127.0.0.1:"));
  EXPECT_EQ(one.local_size, 2);
  const Variables mpich = {{"PMI_RANK", "1"}, {"PMI_SIZE", "2"}, {"MPI_LOCALNRANKS", "2"}};
  const std::string address = Place(mpich, true).address;
  EXPECT_TRUE(address.starts_with("127.0.0.1:")) << address;
  EXPECT_EQ(Place(With(mpich, {{"PMI_RANK", "0"}}), true).address, address);
  EXPECT_EQ(Place({{"PMI_RANK", "1"}, {"PMI_SIZE", "2"}, {"MASTER_ADDR", "x"}, {"MASTER_PORT", "7"}}).rank, 1);
}

// Of several machines each has a proxy of its own; the address that is given is what the run has in common.
TEST(Launchers, WhatOneMachineHasInCommonIsNoNameOfARun) {
  const Variables given = {{"PMI_RANK", "1"}, {"PMI_SIZE", "2"}, {"MASTER_ADDR", "x"}, {"MASTER_PORT", "7"}};
  EXPECT_EQ(Place(given).token, "");
  EXPECT_EQ(Place(With(given, {{"PMI_JOBID", "77"}})).token, "77");
}

TEST(Launchers, AJobOfPmiIsCommonGround) {
  const Variables one = {{"PMI_RANK", "0"}, {"PMI_SIZE", "2"}, {"MPI_LOCALNRANKS", "2"}, {"PMI_JOBID", "77"}};
  const std::string address = Place(one, true).address;
  EXPECT_EQ(Place(With(one, {{"PMI_RANK", "1"}}), true).address, address);
  EXPECT_NE(Place(With(one, {{"PMI_JOBID", "78"}}), true).address, address);
}

// Processes of Linux, made up: mpiexec 10 has started its proxy 11, that the shells 20 and 30, and these the ranks 21 and, by another
// script, 32.
TEST(Launchers, TheStarterStandsAboveEveryWrapperOfARank) {
  const std::filesystem::path proc = std::filesystem::path(testing::TempDir()) / "proc";
  const auto write = [&](int pid, int parent, const std::string& environment) {
    std::filesystem::create_directories(proc / std::to_string(pid));
    std::ofstream(proc / std::to_string(pid) / "status")
        << "Name:\ta (b) PPid: 5\nUmask:\t0022\nPPid:\t" << parent << "\nUid:\t0\n";
    if (!environment.empty()) std::ofstream(proc / std::to_string(pid) / "environ", std::ios::binary) << environment;
  };
  const std::string nul(1, '\0'), other = "HOME=/root" + nul + "NO_PMI_RANK=1" + nul;
  write(10, 1, other);
  write(11, 10, other);
  write(20, 11, other + "PMI_RANK=0" + nul);
  write(21, 20, other + "PMI_RANK=0" + nul);
  write(30, 11, "PMI_RANK=1" + nul + other);
  write(31, 30, "PMI_RANK=1" + nul);
  write(32, 31, "PMI_RANK=1" + nul);
  EXPECT_EQ(StarterOf(21, "PMI_RANK", proc), 11);
  EXPECT_EQ(StarterOf(32, "PMI_RANK", proc), 11);
  EXPECT_EQ(StarterOf(20, "PMI_RANK", proc), 11);  // with no wrapper between them
  // A parent of which nothing can be read, and one above which nobody is seen, as in a container.
  write(41, 40, "PMI_RANK=0" + nul);
  EXPECT_EQ(StarterOf(41, "PMI_RANK", proc), 40);
  write(50, 0, "PMI_RANK=0" + nul);
  write(51, 50, "PMI_RANK=0" + nul);
  EXPECT_EQ(StarterOf(51, "PMI_RANK", proc), 50);
  EXPECT_EQ(StarterOf(99, "PMI_RANK", proc), 0);  // which there is not
  std::filesystem::remove_all(proc);
}

TEST(Launchers, TheInnermostOneCounts) {
  EXPECT_EQ(Place(With(kSlurm, kTorchrun)).launcher, "torchrun");
  EXPECT_EQ(Place(With(With(kSlurm, kOpenMpi), {{"MASTER_ADDR", "x"}, {"MASTER_PORT", "7"}})).launcher, "Open MPI");
}

TEST(Launchers, SeveralProcessesOfAMachineAreRefusedWithTheSentenceThatSaysHow) {
  EXPECT_EQ(
      Refusal(With(kTorchrun, {{"LOCAL_WORLD_SIZE", "2"}})),
      "FAILED_PRECONDITION: RANK 2 is one of LOCAL_WORLD_SIZE 2 processes of this machine; one process drives all devices of a "
      "machine: start one on each (torchrun --nproc-per-node=1, srun --ntasks-per-node=1, mpirun --map-by ppr:1:node), or, with "
      "the "
      "CPU as device, allow several_per_machine");
  EXPECT_EQ(Place(With(kTorchrun, {{"LOCAL_WORLD_SIZE", "2"}}), true).local_size, 2);
  EXPECT_EQ(Place(With(kSlurm, {{"SLURM_STEP_TASKS_PER_NODE", "1(x3),2"}}), true).local_size, 2);
  EXPECT_EQ(Place(With(kSlurm, {{"SLURM_STEP_TASKS_PER_NODE", "2,1(x3)"}})).local_size, 1);
  EXPECT_NE(Refusal(With(kSlurm, {{"SLURM_LOCALID", "1"}})), "");
}

TEST(Carriers, AreNamedByTheEnvironment) {
  const auto carrier = [](const char* value) {
    return CarrierOf([&](const char* name) { return std::string(name) == "HORIZON_LM_CARRIER" ? value : nullptr; });
  };
  EXPECT_EQ(carrier(nullptr), Carrier::kAuto);
  EXPECT_EQ(carrier("gloo"), Carrier::kGloo);
  EXPECT_EQ(carrier("nccl"), Carrier::kNccl);
  EXPECT_EQ(carrier("mpi"), Carrier::kMpi);
  EXPECT_EQ(CodeOf([&] { carrier("tcp"); }), Code::kInvalidArgument);
}

TEST(Launchers, WhatIsNoPlaceIsRefusedByName) {
  EXPECT_EQ(Refusal(With(kTorchrun, {{"RANK", "two"}})), "INVALID_ARGUMENT: RANK is \"two\"; it must be a whole number");
  EXPECT_EQ(Refusal(With(kTorchrun, {{"RANK", "4"}})),
            "INVALID_ARGUMENT: RANK is 4 in a group of 4; a rank lies in [0, the size), a size in [1, 1024]");
  EXPECT_EQ(Refusal({{"RANK", "0"}}), "FAILED_PRECONDITION: RANK is set and WORLD_SIZE is not: a launcher sets both");
  EXPECT_EQ(Refusal({{"RANK", "0"}, {"WORLD_SIZE", "2"}}),
            "FAILED_PRECONDITION: WORLD_SIZE is 2 and MASTER_ADDR and MASTER_PORT are not set");
  EXPECT_EQ(Refusal({{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "a"}}),
            "FAILED_PRECONDITION: MASTER_ADDR is a and MASTER_PORT is not set: it is the port on which rank 0 listens");
  EXPECT_EQ(Refusal(kOpenMpi),
            "FAILED_PRECONDITION: MASTER_ADDR and MASTER_PORT are not set: Open MPI does not say where rank 0 is (mpirun -x "
            "MASTER_ADDR=HOST -x MASTER_PORT=29500)");
  EXPECT_EQ(Refusal({{"PMI_RANK", "1"}, {"PMI_SIZE", "2"}}),
            "FAILED_PRECONDITION: MASTER_ADDR and MASTER_PORT are not set: PMI does not say where rank 0 is (mpiexec -genv "
            "MASTER_ADDR HOST -genv MASTER_PORT 29500)");
  EXPECT_EQ(Refusal({{"SLURM_PROCID", "1"}, {"SLURM_STEP_NUM_TASKS", "2"}}),
            "FAILED_PRECONDITION: SLURM_STEP_NODELIST is not set, and neither is MASTER_ADDR");
}

}  // namespace
}  // namespace hlm
