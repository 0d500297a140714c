// Our element types and reductions as MPI's.
#pragma once

#include <mpi.h>

#include <array>

#include "runtime/base/dtype.h"
#include "runtime/comm/reduce.h"

namespace dcgan::mpi {

/// bf16 travels as unsigned 16-bit integers, which no other type of ours does.
MPI_Datatype type_of(DType dtype);

/// Sums of other types than bf16 are MPI's own, which network cards may know. MPI has no bf16 and
/// leaves open what becomes of a NaN: the rest is reduce_into().
class Reductions {
 public:
  Reductions();  ///< between MPI_Init and MPI_Finalize
  /// Frees what MPI holds; not called when MPI must not be called any more.
  void release();

  MPI_Op of(ReduceOp op, DType dtype) const {
    const bool has_own = op == ReduceOp::sum && dtype != DType::bf16;
    return has_own ? MPI_SUM : ours_[static_cast<std::size_t>(op)];
  }

 private:
  std::array<MPI_Op, 3> ours_{};  // by ReduceOp
};

}  // namespace dcgan::mpi
