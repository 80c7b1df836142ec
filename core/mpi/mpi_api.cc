#include "core/mpi/mpi_api.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "core/base/error.h"

namespace hlm {
namespace {

constexpr int kSerialized = 2;  // MPI_THREAD_SERIALIZED, in both families: calls of several threads, one at a time

// MPICH's numbers of what Open MPI has symbols for.
constexpr MpiApi::Handle kMpichWorld = 0x44000000, kMpichByte = 0x4c00010d, kMpichErrorsReturn = 0x54000001;

// Open MPI 4 and 5; MPICH as Debian and as its own builds call it. Where a machine has both, the one whose launcher has started this process
// comes first: to the other one it would be alone.
std::vector<const char*> Libraries() {
  std::vector<const char*> names = {"libmpi.so.40", "libmpich.so.12", "libmpi.so.12"};
  if (std::getenv("PMI_RANK") != nullptr && std::getenv("OMPI_COMM_WORLD_RANK") == nullptr)
    std::rotate(names.begin(), names.begin() + 1, names.end());
  return names;
}

Error Unavailable(const std::string& why) { return Error(Code::kUnavailable, why); }

}  // namespace

MpiApi& MpiApi::Get() {
  static MpiApi api;
  return api;
}

template <class Function>
void MpiApi::Find(const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library_, name));
  if (function == nullptr) throw Unavailable(StrCat("the MPI library has no ", name));
}

MpiApi::MpiApi() {
  // Open MPI's parts look for its symbols in the whole process.
  std::string why;
  const std::vector<const char*> names = Libraries();
  for (const char* name : names) {  // one that the program uses
    if (library_ == nullptr) library_ = dlopen(name, RTLD_NOW | RTLD_GLOBAL | RTLD_NOLOAD);
  }
  for (const char* name : names) {
    if (library_ != nullptr) break;
    library_ = dlopen(name, RTLD_NOW | RTLD_GLOBAL);
    const char* text = library_ == nullptr ? dlerror() : "";
    why += StrCat(why.empty() ? "" : "; ", text != nullptr ? text : name);
  }
  if (library_ == nullptr) throw Unavailable(StrCat("no MPI library can be loaded: ", why));
  if (void* world = dlsym(library_, "ompi_mpi_comm_world")) {
    void *byte = nullptr, *errors_return = nullptr;
    Find("ompi_mpi_byte", byte);
    Find("ompi_mpi_errors_return", errors_return);
    world_ = reinterpret_cast<Handle>(world);
    byte_ = reinterpret_cast<Handle>(byte);
    errors_return_ = reinterpret_cast<Handle>(errors_return);
  } else {
    world_ = kMpichWorld;
    byte_ = kMpichByte;
    errors_return_ = kMpichErrorsReturn;
    ignore_status_ = reinterpret_cast<void*>(1);
  }
  Find("MPI_Initialized", mpi_.initialized);
  Find("MPI_Finalized", mpi_.finalized);
  Find("MPI_Finalize", mpi_.finalize);
  Find("MPI_Init_thread", mpi_.init_thread);
  Find("MPI_Query_thread", mpi_.query_thread);
  Find("MPI_Comm_rank", mpi_.comm_rank);
  Find("MPI_Comm_dup", mpi_.comm_dup);
  Find("MPI_Comm_set_errhandler", mpi_.set_errhandler);
  Find("MPI_Isend", mpi_.isend);
  Find("MPI_Irecv", mpi_.irecv);
  Find("MPI_Test", mpi_.test);
  Find("MPI_Cancel", mpi_.cancel);
  Find("MPI_Request_free", mpi_.request_free);
  Find("MPI_Error_string", mpi_.error_string);

  int is = 0, threads = 0;
  mpi_.finalized(&is);
  if (is != 0) throw Unavailable("MPI has been finalized in this process");
  mpi_.initialized(&is);
  started_ = is == 0;
  if (const int code = started_ ? mpi_.init_thread(nullptr, nullptr, kSerialized, &threads) : mpi_.query_thread(&threads);
      code != 0)
    throw Unavailable(StrCat("MPI cannot be started: ", Text(code)));
  if (threads < kSerialized)
    throw Unavailable(StrCat("MPI was started for threads of level ", threads, "; it must be MPI_THREAD_SERIALIZED or MULTIPLE"));
}

MpiApi::~MpiApi() {
  int ended = 0;
  if (started_ && mpi_.finalized(&ended) == 0 && ended == 0) mpi_.finalize();  // without it mpirun calls the process failed
}

int MpiApi::Duplicate(Handle* communicator) const {
  *communicator = 0;
  if (const int code = mpi_.comm_dup(world_, communicator); code != 0) return code;
  return mpi_.set_errhandler(*communicator, errors_return_);  // by default an error ends the process
}

int MpiApi::Send(const void* data, size_t bytes, int to, int tag, Handle communicator, Handle* request) const {
  *request = 0;
  return mpi_.isend(data, static_cast<int>(bytes), byte_, to, tag, communicator, request);
}

int MpiApi::Receive(void* data, size_t bytes, int from, int tag, Handle communicator, Handle* request) const {
  *request = 0;
  return mpi_.irecv(data, static_cast<int>(bytes), byte_, from, tag, communicator, request);
}

int MpiApi::Test(Handle* request, bool* done) const {
  int flag = 0;
  const int code = mpi_.test(request, &flag, ignore_status_);
  *done = flag != 0;
  return code;
}

void MpiApi::Drop(Handle* request) const {
  mpi_.cancel(request);
  mpi_.request_free(request);
}

std::string MpiApi::Text(int code) const {
  char text[1024] = {};  // MPI_MAX_ERROR_STRING is 256 and 512
  int length = 0;
  mpi_.error_string(code, text, &length);
  return std::string(text, static_cast<size_t>(std::clamp(length, 0, 1023)));
}

}  // namespace hlm
