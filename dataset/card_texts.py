"""What every card says: what was not shown, and what the images are for."""

NOT_PROVEN = (
    "Membership: whether somebody who has these images, or the networks, can tell that"
    " a certain patient was among the training patients (membership inference) was not"
    " tested.",
    "Number of patients behind an image: neither k-anonymity nor differential privacy"
    " is promised.",
    "Rare anatomy: what a single patient has, such as a malformation, a cavity or a"
    " tumor of unusual shape, can be reproduced in an image that is near to none of"
    " this patient's images by the distance used.",
    "Other copies: the distance (1 - correlation, at the best of mirroring and small"
    " shifts) finds copies of whole images that differ in brightness, contrast, light"
    " noise, by mirroring or by a shift of up to 1/32 of the size. Rotated, stretched"
    " and partial copies are not found.",
    "Other images of the same patients: the search was among the training images only.",
    "Law: whether these images are anonymous data where you are is not decided here.",
)
INTENDED = (
    "Training of detectors and classifiers in addition to real images, with validation"
    " and test on real images of other patients.",
    "Research on generative models, on the quality of synthetic images and on privacy.",
    "Teaching: to show what generated images look like.",
)
UNINTENDED = (
    "Diagnosis, treatment, or any decision about a patient.",
    "Test sets: performance on these images is not performance on patients.",
    "Statements about frequency, appearance or course of a disease: a GAN neither"
    " covers nor weights what it was trained on as it occurs.",
    "Attempts to identify patients, other than to study that risk and report it to"
    " whoever gave the images.",
)
TEXTS = {
    "not_proven": NOT_PROVEN,
    "intended_use": INTENDED,
    "unintended_use": UNINTENDED,
}
