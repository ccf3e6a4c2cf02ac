"""Layers, and what networks are made of."""

from typing import TYPE_CHECKING

from tinytorch.guards import guard, missing_from
from tinytorch.nn.activations import (
    ELU,
    GELU,
    SELU,
    Activation,
    Hardsigmoid,
    Hardswish,
    LeakyReLU,
    LogSigmoid,
    LogSoftmax,
    Mish,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Softsign,
    Tanh,
)
from tinytorch.nn.batch_norm import (
    BatchNorm1d,
    BatchNorm2d,
    BatchNorm3d,
    InstanceNorm1d,
    InstanceNorm2d,
    InstanceNorm3d,
)
from tinytorch.nn.containers import Identity, ModuleDict, ModuleList, Residual
from tinytorch.nn.dense import Dense
from tinytorch.nn.dropout import AlphaDropout, Dropout, Dropout1d, Dropout2d, Dropout3d
from tinytorch.nn.flatten import Flatten
from tinytorch.nn.initialisers import INITIALISERS
from tinytorch.nn.layer_norm import GroupNorm, LayerNorm, RMSNorm
from tinytorch.nn.module import Module
from tinytorch.nn.sequential import Sequential
from tinytorch.state import advance, state_updates

Linear = Dense

__all__ = [
    "Module", "Sequential", "ModuleList", "ModuleDict", "Identity", "Residual",

    "Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d",
    "MaxPool1d", "MaxPool2d", "MaxPool3d", "AvgPool1d", "AvgPool2d", "AvgPool3d",
    "LPPool1d", "LPPool2d", "LPPool3d", "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveAvgPool3d",
    "AdaptiveMaxPool1d", "AdaptiveMaxPool2d", "AdaptiveMaxPool3d",
    "Upsample", "PixelShuffle", "PixelUnshuffle", "Unfold", "Fold",
    "ReflectionPad1d", "ReflectionPad2d", "ReflectionPad3d", "ReplicationPad1d", "ReplicationPad2d",
    "ReplicationPad3d", "CircularPad1d", "CircularPad2d", "CircularPad3d", "ZeroPad1d", "ZeroPad2d",
    "ZeroPad3d", "ConstantPad1d", "ConstantPad2d", "ConstantPad3d",
    "Dense", "Linear", "Bilinear", "Flatten", "Embedding", "EmbeddingBag",
    "RNN", "GRU", "LSTM", "RNNCell", "GRUCell", "LSTMCell",
    "MultiheadAttention", "TransformerEncoderLayer", "TransformerDecoderLayer", "TransformerEncoder",
    "TransformerDecoder", "PositionalEncoding", "LearnedPositions",
    "BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d",
    "LayerNorm", "GroupNorm", "RMSNorm",
    "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout",
    "Activation", "ReLU", "LeakyReLU", "ELU", "SELU", "GELU", "SiLU", "Mish", "Sigmoid", "LogSigmoid", "Tanh",
    "Softplus", "Softsign", "Hardsigmoid", "Hardswish", "Softmax", "LogSoftmax",
    "Loss", "MSELoss", "L1Loss", "HuberLoss", "SmoothL1Loss", "CrossEntropyLoss", "NLLLoss", "BCELoss",
    "BCEWithLogitsLoss", "SoftMarginLoss", "KLDivLoss", "PoissonNLLLoss", "GaussianNLLLoss",
    "MultiMarginLoss", "MultiLabelMarginLoss", "MultiLabelSoftMarginLoss", "HingeEmbeddingLoss",
    "MarginRankingLoss", "CosineEmbeddingLoss", "TripletMarginLoss",
    "INITIALISERS", "advance", "state_updates",
]  # fmt: skip
guard(__name__)

# Layers that not every network has, whose rooms are loaded when one of them is asked for.
if TYPE_CHECKING:
    from tinytorch.nn.attention import MultiheadAttention
    from tinytorch.nn.bilinear import Bilinear
    from tinytorch.nn.cells import GRUCell, LSTMCell, RNNCell
    from tinytorch.nn.convolution import (
        Conv1d,
        Conv2d,
        Conv3d,
        ConvTranspose1d,
        ConvTranspose2d,
        ConvTranspose3d,
    )
    from tinytorch.nn.embedding import Embedding, EmbeddingBag
    from tinytorch.nn.losses import (
        BCELoss,
        BCEWithLogitsLoss,
        CosineEmbeddingLoss,
        CrossEntropyLoss,
        GaussianNLLLoss,
        HingeEmbeddingLoss,
        HuberLoss,
        KLDivLoss,
        L1Loss,
        Loss,
        MarginRankingLoss,
        MSELoss,
        MultiLabelMarginLoss,
        MultiLabelSoftMarginLoss,
        MultiMarginLoss,
        NLLLoss,
        PoissonNLLLoss,
        SmoothL1Loss,
        SoftMarginLoss,
        TripletMarginLoss,
    )
    from tinytorch.nn.padding import (
        CircularPad1d,
        CircularPad2d,
        CircularPad3d,
        ConstantPad1d,
        ConstantPad2d,
        ConstantPad3d,
        ReflectionPad1d,
        ReflectionPad2d,
        ReflectionPad3d,
        ReplicationPad1d,
        ReplicationPad2d,
        ReplicationPad3d,
        ZeroPad1d,
        ZeroPad2d,
        ZeroPad3d,
    )
    from tinytorch.nn.pooling import (
        AdaptiveAvgPool1d,
        AdaptiveAvgPool2d,
        AdaptiveAvgPool3d,
        AdaptiveMaxPool1d,
        AdaptiveMaxPool2d,
        AdaptiveMaxPool3d,
        AvgPool1d,
        AvgPool2d,
        AvgPool3d,
        LPPool1d,
        LPPool2d,
        LPPool3d,
        MaxPool1d,
        MaxPool2d,
        MaxPool3d,
    )
    from tinytorch.nn.positions import LearnedPositions, PositionalEncoding
    from tinytorch.nn.recurrent import GRU, LSTM, RNN
    from tinytorch.nn.resampling import Fold, PixelShuffle, PixelUnshuffle, Unfold, Upsample
    from tinytorch.nn.transformer import (
        TransformerDecoder,
        TransformerDecoderLayer,
        TransformerEncoder,
        TransformerEncoderLayer,
    )
else:
    __getattr__ = missing_from(
        __name__,
        rooms=(
            "convolution", "pooling", "embedding", "recurrent", "cells", "attention", "transformer",
            "positions", "losses", "resampling", "padding", "bilinear",
        ),
    )  # fmt: skip
