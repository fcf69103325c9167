"""Text that the commands' ``--help`` share."""

from __future__ import annotations

SETTINGS = """\
settings, most used (any of RecBole's can be given as --key=value; default in brackets, and CAMMSR's
where it has another):
  --epochs=N               most epochs [300]
  --stopping_step=N        validations without improvement before stopping [10]
  --learning_rate=X        [0.001]
  --train_batch_size=N     [2048; CAMMSR 1024]
  --eval_batch_size=N      [4096]
  --metrics="['Recall','NDCG']"   --topk=[5,10]   --valid_metric=NDCG@10 [MRR@10; CAMMSR NDCG@10]
  --train_neg_sample_args=None    for models that rank all items (SASRec, GRU4Rec, BERT4Rec ...)
  --MAX_ITEM_LIST_LENGTH=N        longest history [50]
  --data_path=FOLDER       the folder that holds the data set's folder [dataset/]
  --checkpoint_dir=FOLDER  where models are saved [saved]
  --gpu_id=0  --seed=N [2020]  --show_progress=False  --state=WARNING (less log)

priority: command line, then config files (a later one wins), then the model's defaults.
exit codes: 0 success, 1 failed, 2 wrong usage, 130 interrupted."""

CAMMSR = """\
settings of CAMMSR (properties/model/CAMMSR.yaml lists them all):
  --modalities="['text','image']"  one feature file each beside the .inter file [none: ID only]
  --category_field=NAME    column of the .item file with the categories
  --category_weight=X      weight of the category task, 0 is without guidance [0.1]
  --swap_weight=X          weight of the modality-swap task, 0 is without [0.1]
  --fusion=camoe|sum       experts, or the plain sum of the modalities [camoe]"""
