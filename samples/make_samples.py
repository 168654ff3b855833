"""How the samples were made: cuts of scikit-image's bundled pictures, and masks drawn by hand.

    python samples/make_samples.py            # needs nothing but the package itself
    python samples/make_samples.py annotations restorable       # these alone

``seeding.jpg`` is not made here; SOURCES.md says where it comes from.
"""

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import skimage.data
from PIL import Image

HERE = Path(__file__).parent
# Pictures without a hole lie where `inpaint batch samples` does not ask for their masks.
EXAMPLES = HERE.parent / "examples"

SPOON = ((398, 56), (440, 62), (418, 200), (422, 250), (406, 310), (372, 340), (336, 334),
         (312, 300), (308, 246), (340, 216), (372, 220))  # fmt: skip
MAST = ((436, 116), (466, 116), (474, 372), (482, 412), (414, 412), (428, 372))


def save(name: str, pixels: np.ndarray) -> None:
    Image.fromarray(pixels).save(HERE / name, optimize=True)


def blank(image: np.ndarray) -> np.ndarray:
    return np.zeros(image.shape[:2], np.uint8)


def polygon(mask: np.ndarray, *points: tuple[int, int]) -> None:
    cv2.fillPoly(mask, [np.array(points, np.int32)], 255)


def face() -> None:
    """Eileen Collins, cut and turned to the framing of aligned CelebA faces; nose and mouth go."""
    astronaut = skimage.data.astronaut()
    eyes = np.float32([[202, 107], [246, 107]])  # left and right eye in the picture
    middle, across = eyes.mean(0), eyes[1] - eyes[0]
    scale = 46 / np.linalg.norm(across)  # eyes 46 px apart in a cut of 96
    angle = np.degrees(np.arctan2(across[1], across[0]))
    turn = cv2.getRotationMatrix2D(tuple(map(float, middle)), angle, scale)
    turn[:, 2] += np.array([47.5, 20]) - middle
    cut = cv2.warpAffine(astronaut, turn, (96, 96), flags=cv2.INTER_AREA)
    mask = blank(cut)
    cv2.ellipse(mask, (48, 57), (26, 22), 0, 0, 360, 255, -1)
    save("face.png", cut)
    save("face_mask.png", mask)


def rocket() -> None:
    """One mast in front of an evening sky."""
    image = skimage.data.rocket()
    Image.fromarray(image).save(HERE / "rocket.jpg", quality=92, subsampling=0)
    mask = blank(image)
    polygon(mask, *MAST)
    save("rocket_mask.png", mask)


def coffee() -> None:
    """The spoon on the saucer."""
    image = skimage.data.coffee()
    Image.fromarray(image).save(HERE / "coffee.jpg", quality=92, subsampling=0)
    mask = blank(image)
    polygon(mask, *SPOON)
    save("coffee_mask.png", mask)


def chelsea() -> None:
    """A cat with scratches on the print and a caption across it."""
    image = skimage.data.chelsea()
    Image.fromarray(image).save(HERE / "chelsea.jpg", quality=92, subsampling=0)
    mask = blank(image)
    rng = np.random.default_rng(5)
    for _ in range(9):
        points = np.cumsum(rng.normal(0, 28, (7, 2)), 0) + rng.uniform(0, 1, 2) * (440, 290)
        cv2.polylines(mask, [points.astype(np.int32)], False, 255, 2, cv2.LINE_8)
    cv2.putText(mask, "SAMPLE", (120, 285), cv2.FONT_HERSHEY_SIMPLEX, 1.6, 255, 5)
    save("chelsea_mask.png", mask)


def seeding() -> None:
    """The dandelion at the lower right of a photo of 16 megapixels, with its stalk."""
    mask = np.zeros((2988, 5312), np.uint8)
    cv2.ellipse(mask, (4350, 2310), (400, 350), 0, 0, 360, 255, -1)
    save("seeding_mask.png", mask)


def annotations() -> None:
    """The objects of three samples as annotation tools write them: labelme, COCO and YOLO."""
    turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    disc = np.stack([4350 + 400 * np.cos(turn), 2310 + 350 * np.sin(turn)], 1).round(1)
    shape = {"label": "dandelion", "shape_type": "polygon", "points": disc.tolist()}
    labelme = {
        "version": "5.5.0",
        "flags": {},
        "shapes": [{**shape, "group_id": None, "flags": {}}],
    }
    size = {"imagePath": "seeding.jpg", "imageData": None, "imageHeight": 2988, "imageWidth": 5312}
    (HERE / "seeding.json").write_text(json.dumps({**labelme, **size}, indent=1) + "\n")
    images, entries = [], []
    kinds = {"spoon": 1, "mast": 2}
    for number, (name, kind, points, width, height) in enumerate(
        (("coffee.jpg", "spoon", SPOON, 600, 400), ("rocket.jpg", "mast", MAST, 640, 427)), 1
    ):
        images.append({"id": number, "file_name": name, "width": width, "height": height})
        low, high = np.min(points, 0), np.max(points, 0)
        entries.append(
            {
                "id": number,
                "image_id": number,
                "category_id": kinds[kind],
                "segmentation": [[int(n) for point in points for n in point]],
                "bbox": [int(n) for n in (*low, *(high - low))],
                "area": float(cv2.contourArea(np.array(points, np.int32))),
                "iscrowd": 0,
            }
        )
    categories = [{"id": number, "name": name} for name, number in kinds.items()]
    coco = {"images": images, "annotations": entries, "categories": categories}
    (HERE / "coco.json").write_text(json.dumps(coco) + "\n")
    (HERE / "yolo").mkdir(exist_ok=True)
    (HERE / "yolo" / "classes.txt").write_text("spoon\nmast\n")
    scaled = " ".join(f"{x / 600:.4f} {y / 400:.4f}" for x, y in SPOON)
    (HERE / "yolo" / "coffee.txt").write_text(f"0 {scaled}\n")


def restorable() -> None:
    """The face at 64 pixels with noise of 25 steps; at 16 pixels; and in grey."""
    face = np.asarray(Image.open(HERE / "face.png").convert("RGB"))
    truth = cv2.resize(face, (64, 64), interpolation=cv2.INTER_AREA)
    noise = np.random.default_rng(0).normal(0, 25, truth.shape)
    made = {
        "noisy.png": (truth + noise).clip(0, 255).astype(np.uint8),
        "small.png": cv2.resize(truth, (16, 16), interpolation=cv2.INTER_AREA),
        "grey.png": cv2.cvtColor(truth, cv2.COLOR_RGB2GRAY),
    }
    for name, pixels in made.items():
        Image.fromarray(pixels).save(EXAMPLES / name, optimize=True)


EVERYTHING = (face, rocket, coffee, chelsea, seeding, annotations, restorable)
if __name__ == "__main__":
    for make in EVERYTHING:
        if len(sys.argv) == 1 or make.__name__ in sys.argv[1:]:
            make()
