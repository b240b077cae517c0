// The scalar forms: inference by the scalar backend, the small training kernels over the same typed arrays.
import { arrayBackend } from "../../kernels/backends/arrays.ts";
import { scalarBackend, scalarForms } from "../../kernels/backends/scalar.ts";
import { scalarTrainingForms } from "../../kernels/backends/scalar-training.ts";
import { inferenceContracts, type TrainingKernelName } from "../../kernels/index.ts";
import { packPanels } from "../../kernels/matmul/scalar.ts";
import { packInt8 } from "../../kernels/matmul-int8/scalar.ts";
import { testBackend } from "./generic.ts";

testBackend("scalar", scalarBackend, { kernels: inferenceContracts.map(({ name }) => name) });

const trainingBackend = () =>
  arrayBackend({
    name: "scalar training forms",
    variant: "",
    floats: (length) => new Float32Array(length),
    pack: packPanels,
    packInt8,
    forms: { ...scalarForms, ...scalarTrainingForms },
  });
testBackend("scalar, training", trainingBackend, { kernels: Object.keys(scalarTrainingForms) as TrainingKernelName[] });
