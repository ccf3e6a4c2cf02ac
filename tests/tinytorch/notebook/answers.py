"""One of every kind of answer, as a notebook's code: each ends a cell."""

SETUP = """
import numpy as np
import tinytorch as tt

x = tt.input("x", shape=("batch", 8), low=-1, high=200)
labels = tt.input("labels", shape=("batch",), dtype="int64")
network = tt.nn.Sequential(tt.nn.Dense(8, 6, seed=0), tt.nn.GELU(), tt.nn.Dense(6, 3, seed=1))
logits = network(x).named("logits")
loss = tt.losses.cross_entropy(logits, labels).named("loss")
step = tt.compile([x, labels], loss, updates=tt.optim.SGD(network.parameters(), lr=0.1).updates(loss))
data = np.ones((5, 8), np.float32), np.array([0, 1, 2, 0, 1])
"""

ANSWERS = {
    "Tensor": "logits",
    "Graph": "step.source_graph",
    "Program": "step",
    "Schedule": "step.schedule",
    "Plan": "step.plan",
    "History": "step.history",
    "Record": "step.history[-1]",
    "LoopHistory": "step.loops(0)",
    "LoopRecord": "step.loops(0)[1]",
    "Comparison": "tt.compare([x, labels], loss, data=data, rounds=1, seconds=0.01)",
    "Summary": 'tt.summary(network, ("batch", 8))',
    "Ablation": "tt.ablate(step, data=data, rounds=1, seconds=0.005)",
    "FitHistory": "tt.fit(step, data, epochs=2)",
    "Written": 'step.report("report.html", data=data, seconds=0.05)',
    "Profile": "step.profile(*data, seconds=0.01)",
    "MeasuredMachine": "tt.machine()",
    "PlanCost": "step.cost",
    "Breakdown": "step.cost.by_scope()",
    "Memory": "step.memory",
    "Moment": "step.memory.at(batch=4)",
    "Why": "step.why(logits)",
    "Apart": 'step.why(logits, "%loss")',
    "Explanation": "step.explain(step.graph.updates[0][1])",
    "KernelExplanation": 'step.explain("kernel 0")',
    "LintReport": "tt.lint(tt.compile([x], tt.exp(x)))",
    "Finding": "list(tt.lint(tt.compile([x], tt.exp(x))))[0]",
    "OperatorTable": "tt.onnx.supported_operators()",
    "Difference": "tt.diff(step.source_graph, step.graph)",
}
