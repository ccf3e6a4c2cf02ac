"""One function an operator, one file a family; meanings of older opsets stand beside the newest.

A family is loaded when a model has an operator of it: all of them take longer to import than most networks
take to build.
"""

from functools import cache
from importlib import import_module
from typing import Final

FAMILIES: Final = {
    "activations": (
        "Celu Elu Gelu HardSigmoid HardSwish LeakyRelu Mish PRelu Relu Selu Shrink Softplus Softsign "
        "SwiGLU Swish ThresholdedRelu"
    ),
    "arithmetic": "Add Clip Div Max Mean Min Mod Mul Pow Sub Sum",
    "attention": "Attention FlexAttention RotaryEmbedding",
    "boxes": "NonMaxSuppression",
    "branches": "If",
    "casts": "BitCast Cast CastLike",
    "classes": "Hardmax LogSoftmax Softmax",
    "convolution": "CausalConvWithState Col2Im Conv ConvTranspose",
    "counting": "TfIdfVectorizer",
    "draws": "Bernoulli Multinomial RandomNormal RandomNormalLike RandomUniform RandomUniformLike",
    "dropout": "Dropout",
    "features": (
        "ArrayFeatureExtractor Binarizer FeatureVectorizer Imputer LabelEncoder Normalizer OneHotEncoder "
        "Scaler ZipMap"
    ),
    "functions": (
        "Abs Acos Acosh Asin Asinh Atan Atanh Ceil Cos Cosh Erf Exp Floor IsInf IsNaN Log Neg Reciprocal "
        "Round Sigmoid Sign Sin Sinh Sqrt Tan Tanh"
    ),
    "generators": "Constant ConstantOfShape EyeLike Range",
    "indexing": (
        "Compress Gather GatherElements GatherND NonZero OneHot Scatter ScatterElements ScatterND "
        "TensorScatter"
    ),
    "linear": "LinearClassifier LinearRegressor",
    "logic": (
        "And BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Equal Greater GreaterOrEqual Less "
        "LessOrEqual Not Or Where Xor"
    ),
    "loops": "Loop Scan",
    "losses": "NegativeLogLikelihoodLoss SoftmaxCrossEntropyLoss",
    "normalising": (
        "BatchNormalization GroupNormalization InstanceNormalization LRN LayerNormalization "
        "LpNormalization MeanVarianceNormalization RMSNormalization"
    ),
    "older": "Add And Div Equal Gemm Greater Less Mul Or Pow Sub Xor",
    "pieces": "Concat Pad ReverseSequence Split",
    "pooling": "AveragePool GlobalAveragePool GlobalLpPool GlobalMaxPool LpPool MaxPool MaxUnpool",
    "products": "CumProd CumSum Det Einsum Gemm MatMul",
    "quantised": (
        "ConvInteger DequantizeLinear DynamicQuantizeLinear MatMulInteger QLinearConv QLinearMatMul "
        "QuantizeLinear"
    ),
    "recurrent": "GRU LSTM RNN",
    "reductions": (
        "ArgMax ArgMin ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin "
        "ReduceProd ReduceSum ReduceSumSquare"
    ),
    "resizing": "Resize Upsample",
    "sampling": "AffineGrid DeformConv GridSample MaxRoiPool RoiAlign",
    "sequences": (
        "ConcatFromSequence Optional OptionalGetElement OptionalHasElement SequenceAt SequenceConstruct "
        "SequenceEmpty SequenceErase SequenceInsert SequenceLength SequenceMap SplitToSequence"
    ),
    "shapes": (
        "DepthToSpace Expand Flatten Identity Reshape Shape Size SpaceToDepth Squeeze Tile Transpose "
        "Trilu Unsqueeze"
    ),
    "signals": "DFT MelWeightMatrix STFT",
    "slices": "Slice",
    "sorting": "TopK Unique",
    "texts": "RegexFullMatch StringConcat StringNormalizer StringSplit",
    "training": "Adagrad Adam Gradient Momentum",
    "trees": "TreeEnsemble TreeEnsembleClassifier TreeEnsembleRegressor",
    "vectors": "SVMClassifier SVMRegressor",
}
"""The operators that each family registers, of any domain."""


@cache
def load(name: str) -> None:
    """Loads the families that have functions for operators of a name."""
    for family, names in FAMILIES.items():
        if name in names.split():
            import_module(f"{__name__}.{family}")


def load_all() -> None:
    """Loads every family."""
    for family in FAMILIES:
        import_module(f"{__name__}.{family}")
