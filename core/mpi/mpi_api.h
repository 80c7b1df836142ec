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
  int Rank(int* rank) const { return mpi_.comm_rank(world_, rank); }
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
  struct Functions {
    int (*initialized)(int*) = nullptr;
    int (*finalized)(int*) = nullptr;
    int (*finalize)() = nullptr;
    int (*init_thread)(int*, char***, int, int*) = nullptr;
    int (*query_thread)(int*) = nullptr;
    int (*comm_rank)(Handle, int*) = nullptr;
    int (*comm_dup)(Handle, Handle*) = nullptr;
    int (*set_errhandler)(Handle, Handle) = nullptr;
    int (*isend)(const void*, int, Handle, int, int, Handle, Handle*) = nullptr;
    int (*irecv)(void*, int, Handle, int, int, Handle, Handle*) = nullptr;
    int (*test)(Handle*, int*, void*) = nullptr;
    int (*cancel)(Handle*) = nullptr;
    int (*request_free)(Handle*) = nullptr;
    int (*error_string)(int, char*, int*) = nullptr;
  } mpi_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MPI_MPI_API_H_
