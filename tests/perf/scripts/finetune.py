"""What one writes who fine-tunes with transformers alone: load, tokenise, train, evaluate, print the accuracy.

python finetune.py MODEL DATA --trains all --rate 2e-5 --head-rate 1e-3
"""

import argparse

import numpy as np
import torch
from datasets import load_dataset  # type: ignore[import-untyped]
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    EvalPrediction,
    Trainer,
    TrainingArguments,
)

parser = argparse.ArgumentParser()
parser.add_argument("model", help="folder of the model")
parser.add_argument("data", help="folder of train.csv and test.csv, with the columns text and labels")
parser.add_argument("output", help="folder for what the Trainer writes")
parser.add_argument("--trains", choices=["head", "all"], default="all")
parser.add_argument("--rate", type=float, default=2e-5)
parser.add_argument("--head-rate", type=float, default=1e-3)
parser.add_argument("--bf16", action="store_true")
parser.add_argument("--epochs", type=int, default=1)
options = parser.parse_args()

tokenizer = AutoTokenizer.from_pretrained(options.model, padding_side="right")
tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
model = AutoModelForSequenceClassification.from_pretrained(options.model, num_labels=2, dtype=torch.float32)
model.config.pad_token_id = tokenizer.pad_token_id

head = [param for name, param in model.named_parameters() if name.startswith(("score.", "classifier."))]
body = list(model.base_model.parameters())
for param in body:
    param.requires_grad_(options.trains == "all")
groups = [{"params": head, "lr": options.head_rate}]
if options.trains == "all":
    groups.append({"params": body, "lr": options.rate})

files = {split: f"{options.data}/{split}.csv" for split in ("train", "test")}
data = load_dataset("csv", data_files=files).map(
    lambda rows: tokenizer(rows["text"], truncation=True, max_length=256), batched=True
)


def accuracy(answers: EvalPrediction) -> dict[str, float]:
    return {"accuracy": float(np.mean(np.asarray(answers.predictions).argmax(-1) == answers.label_ids))}


trainer = Trainer(
    model=model,
    args=TrainingArguments(
        options.output,
        per_device_train_batch_size=16,
        num_train_epochs=options.epochs,
        warmup_steps=0.1,
        weight_decay=0.01,
        bf16=options.bf16,
        use_cpu=True,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    ),
    train_dataset=data["train"],
    eval_dataset=data["test"],
    data_collator=DataCollatorWithPadding(tokenizer),
    compute_metrics=accuracy,
    optimizers=(torch.optim.AdamW(groups, fused=True), None),
)
trainer.train()
print(f"accuracy {trainer.evaluate()['eval_accuracy']}")  # noqa: T201  what it is run for
