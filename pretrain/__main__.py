"""``python -m pretrain``, which is also what ``accelerate launch -m pretrain`` starts."""

from pretrain.cli import main

if __name__ == "__main__":
    main()
