"""A transformer as people write it in PyTorch, ported line by line, and tracked beside the original.

A small encoder and decoder that learn to turn sequences around: sines for positions, a causal mask for the
decoder, padding that is not seen and costs nothing. Adam, dropout 0.
"""

import math

import numpy as np
import pytest

import tinytorch as tt
from tinytorch.nn.positions import sinusoids

torch = pytest.importorskip("torch")

WORDS, WIDTH, HEADS, INNER, LENGTH, BATCH, STEPS, LR = 12, 8, 2, 16, 6, 4, 20, 0.01


class Original(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Embedding(WORDS, WIDTH)
        self.register_buffer("positions", torch.tensor(sinusoids(LENGTH, WIDTH)).float(), persistent=False)
        settings = {"dropout": 0.0, "activation": "gelu", "batch_first": True, "norm_first": True}
        encoder = torch.nn.TransformerEncoderLayer(WIDTH, HEADS, INNER, **settings)
        decoder = torch.nn.TransformerDecoderLayer(WIDTH, HEADS, INNER, **settings)
        self.encoder = torch.nn.TransformerEncoder(encoder, 2, enable_nested_tensor=False)
        self.decoder = torch.nn.TransformerDecoder(decoder, 1, norm=torch.nn.LayerNorm(WIDTH))
        self.head = torch.nn.Linear(WIDTH, WORDS)

    def forward(self, source, target):
        scale = math.sqrt(WIDTH)
        memory = self.embedding(source) * scale + self.positions
        memory = self.encoder(memory, src_key_padding_mask=source == 0)
        mask = torch.triu(torch.ones(LENGTH, LENGTH), 1).bool()
        x = self.embedding(target) * scale + self.positions
        x = self.decoder(x, memory, tgt_mask=mask, memory_key_padding_mask=source == 0)
        return self.head(x)


class Port(tt.nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = tt.nn.Embedding(WORDS, WIDTH)
        self.positions = tt.nn.PositionalEncoding(WIDTH, 0.0, max_len=LENGTH, batch_first=True)
        settings = {"dropout": 0.0, "activation": "gelu", "batch_first": True, "norm_first": True}
        encoder = tt.nn.TransformerEncoderLayer(WIDTH, HEADS, INNER, **settings)
        decoder = tt.nn.TransformerDecoderLayer(WIDTH, HEADS, INNER, **settings)
        self.encoder = tt.nn.TransformerEncoder(encoder, 2)
        self.decoder = tt.nn.TransformerDecoder(decoder, 1, norm=tt.nn.LayerNorm(WIDTH))
        self.head = tt.nn.Linear(WIDTH, WORDS)

    def forward(self, source, target):
        scale = math.sqrt(WIDTH)
        memory = self.positions(self.embedding(source) * scale)
        memory = self.encoder(memory, src_key_padding_mask=source == 0)
        x = self.positions(self.embedding(target) * scale)
        x = self.decoder(x, memory, tgt_is_causal=True, memory_key_padding_mask=source == 0)
        return self.head(x)


def batches():
    """Words that are not 0, as many as a sequence is long; and the same turned around behind a 1."""
    generator = np.random.default_rng(2)
    for _ in range(STEPS):
        source, wanted = np.zeros((2, BATCH, LENGTH), np.int64)
        for row, count in enumerate(generator.integers(2, LENGTH + 1, BATCH)):
            source[row, :count] = generator.integers(2, WORDS, count)
            wanted[row, :count] = source[row, :count][::-1]
        given = np.concatenate([np.ones((BATCH, 1), np.int64), wanted[:, :-1]], 1)
        yield source, given, wanted


def original(model):
    optimizer = torch.optim.Adam(model.parameters(), lr=LR)
    for arrays in batches():
        source, given, wanted = map(torch.tensor, arrays)
        optimizer.zero_grad()
        logits = model(source, given)
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), wanted.flatten(), ignore_index=0)
        loss.backward()
        optimizer.step()
        yield loss.item()


def port(network):
    source, given, wanted = (
        tt.input(name, ("batch", LENGTH), "int64") for name in ("source", "given", "wanted")
    )
    logits = network(source, given)
    loss = tt.losses.cross_entropy(logits.flatten(0, 1), wanted.flatten(), ignore_index=0)
    updates = tt.optim.Adam(network.parameters(), lr=LR).updates(loss)
    step = tt.compile([source, given, wanted], loss, updates=updates)
    for arrays in batches():
        yield step(*arrays)


def test_the_port_takes_the_same_steps():
    torch.manual_seed(0)
    model, network = Original(), Port()
    network.load_state_dict(model.state_dict())
    np.testing.assert_allclose(list(port(network)), list(original(model)), rtol=2e-4)
    found = network.state_dict(layout="torch")
    assert list(found) == list(model.state_dict())
    for name, value in model.state_dict().items():
        if name.endswith("in_proj_bias"):
            # What is added to all keys changes no weight: its slope is what was rounded, scaled up by Adam.
            found[name][WIDTH : 2 * WIDTH] = value[WIDTH : 2 * WIDTH]
        np.testing.assert_allclose(found[name], value.numpy(), rtol=2e-3, atol=1e-3, err_msg=name)
