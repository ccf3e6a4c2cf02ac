"""What `tt.fit` is made of: feeding, the loop, the state that callbacks see, history, files to go on from."""

from tinytorch.fitting.history import FitHistory
from tinytorch.notebook.views import install, tables

install({FitHistory: tables})
