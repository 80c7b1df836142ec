// The functions of MPI that a link needs, of the library of this machine, found at run time: nothing is compiled against one. There are two
// families of binary interfaces, whose handles differ: Open MPI's are addresses, those of MPICH (and Intel MPI, MVAPICH and Cray's, which
// keep to its interface) are numbers. Both fit into a word that is passed by value.
#ifndef HORIZON_LM_CORE_MPI_MPI_API_H_
#define HORIZON_LM_CORE_MPI_MPI_API_H_

#include <cstddef>
#include <cstdint>
#include <string>

namespace hlm {

class MpiApi {
 public:
  using Handle = intptr_t;

  // Loads the library, and starts MPI where the program has not. Throws UNAVAILABLE with the reason.
  static MpiApi& Get();

  // Errors of the calls below are codes, 0 for none.
  int Rank(int* rank) const { return comm_rank_(world_, rank); }
  int Duplicate(Handle* communicator) const;
  int Send(const void* data, size_t bytes, int to, int tag, Handle communicator, Handle* request) const;
  int Receive(void* data, size_t bytes, int from, int tag, Handle communicator, Handle* request) const;
  int Test(Handle* request, bool* done) const;
  void Drop(Handle* request) const;  // of which the outcome is of no more interest
  std::string Text(int code) const;

  MpiApi(const MpiApi&) = delete;
  MpiApi& operator=(const MpiApi&) = delete;
  ~MpiApi();

 private:
  MpiApi();
  template <class Function>
  void Find(const char* name, Function& function);

  void* library_ = nullptr;
  Handle world_ = 0, byte_ = 0, errors_return_ = 0;
  void* ignore_status_ = nullptr;
  bool started_ = false;  // here
  int (*initialized_)(int*) = nullptr;
  int (*finalized_)(int*) = nullptr;
  int (*finalize_)() = nullptr;
  int (*init_thread_)(int*, char***, int, int*) = nullptr;
  int (*query_thread_)(int*) = nullptr;
  int (*comm_rank_)(Handle, int*) = nullptr;
  int (*comm_dup_)(Handle, Handle*) = nullptr;
  int (*set_errhandler_)(Handle, Handle) = nullptr;
  int (*isend_)(const void*, int, Handle, int, int, Handle, Handle*) = nullptr;
  int (*irecv_)(void*, int, Handle, int, int, Handle, Handle*) = nullptr;
  int (*test_)(Handle*, int*, void*) = nullptr;
  int (*cancel_)(Handle*) = nullptr;
  int (*request_free_)(Handle*) = nullptr;
  int (*error_string_)(int, char*, int*) = nullptr;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MPI_MPI_API_H_
