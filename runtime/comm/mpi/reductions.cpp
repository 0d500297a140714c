#include "runtime/comm/mpi/reductions.h"

#include "runtime/comm/mpi/check.h"

namespace dcgan::mpi {
namespace {

constexpr std::array kReducible{DType::f32, DType::f64, DType::bf16, DType::i32, DType::i64};

// MPI_User_function: to[i] = op(from[i], to[i]).
template <ReduceOp op>
void reduce(void* from, void* to, int* count, MPI_Datatype* type) {
  for (const DType dtype : kReducible) {
    if (type_of(dtype) != *type) continue;
    reduce_into(op, TensorView(to, {*count}, dtype), ConstTensorView(from, {*count}, dtype));
    return;
  }
}

}  // namespace

MPI_Datatype type_of(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return MPI_FLOAT;
    case DType::f64:
      return MPI_DOUBLE;
    case DType::bf16:
      return MPI_UINT16_T;
    case DType::i32:
      return MPI_INT32_T;
    case DType::i64:
      return MPI_INT64_T;
    case DType::u8:
      return MPI_UINT8_T;
  }
  fail(ErrorKind::internal, "MPI: unknown element type {}", static_cast<int>(dtype));
}

Reductions::Reductions() {
  constexpr int kCommutative = 1;
  const auto make = [&](ReduceOp op, MPI_User_function* function) {
    MPI_TRY(MPI_Op_create(function, kCommutative, &ours_[static_cast<std::size_t>(op)]));
  };
  make(ReduceOp::sum, reduce<ReduceOp::sum>);
  make(ReduceOp::min, reduce<ReduceOp::min>);
  make(ReduceOp::max, reduce<ReduceOp::max>);
}

void Reductions::release() {
  for (MPI_Op& op : ours_) MPI_TRY(MPI_Op_free(&op));
}

}  // namespace dcgan::mpi
