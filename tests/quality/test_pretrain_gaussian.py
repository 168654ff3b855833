"""``pretrain gaussian`` must be the principal components of the data with its mirror images."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch import Tensor

from inpaint.errors import ImageError, InpaintError
from inpaint.priors.gaussian import Gaussian, unpack
from pretrain import data, gaussian
from pretrain.options import GaussianOptions

SIZE, COUNT, KEPT = 16, 700, 40


def blobs(count: int = COUNT, size: int = SIZE, seed: int = 0) -> data.Images:
    """Smooth random pictures, brighter on the left and at the top, as uint8."""
    rng = np.random.default_rng(seed)
    frequency = np.fft.fftfreq(size)
    strength = 1 / (0.2 + np.hypot(frequency[:, None], frequency[None, :]) * 4) ** 2
    spectrum = np.fft.fft2(rng.standard_normal((count, 3, size, size))) * strength
    rough = np.fft.ifft2(spectrum).real
    rough = rough[:, ::-1] * 0.3 + rough.mean(1, keepdims=True)
    y, x = np.mgrid[:size, :size] / size
    picture = 0.5 + 0.12 * rough / rough.std() + 0.1 * (1 - x) + 0.1 * (0.5 - y)
    pixels = (picture.clip(0, 1) * 255).round().astype(np.uint8).transpose(0, 2, 3, 1)
    return data.Images(pixels, np.zeros(count, np.int64), (".",))


@pytest.fixture(scope="module")
def images() -> data.Images:
    return blobs()


@pytest.fixture(scope="module")
def dense(images: data.Images) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean (D,), eigenvalues (D,) and vectors (D, D), largest first, in float64."""
    x = images.pixels.transpose(0, 3, 1, 2) / 255
    both = np.concatenate([x, x[..., ::-1]]).reshape(2 * len(x), -1)
    mean = both.mean(0)
    values, vectors = np.linalg.eigh((both - mean).T @ (both - mean) / len(both))
    return mean, values[::-1], vectors[:, ::-1]


def options(**changes: float) -> GaussianOptions:
    base = GaussianOptions(size=SIZE, components=KEPT, bits8=KEPT)
    return dataclasses.replace(base, **changes)  # type: ignore[arg-type]


def full(half: Tensor, sign: float) -> np.ndarray:
    """Unit vectors (D, K) over whole pictures from halves (D / 2, K)."""
    left = half.T.unflatten(1, (3, SIZE, SIZE // 2))
    return torch.cat([left, sign * left.flip(3)], 3).flatten(1).T.double().numpy() / 2**0.5


def fitted(images: data.Images, kept: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, eigenvalues and vectors before they are packed."""
    mean, even, odd = gaussian.moments(images, options(), None)
    left = mean.unflatten(0, (3, SIZE, SIZE // 2))
    parts = [(gaussian.leading(c, kept, seed=0), s) for c, s in ((even, 1.0), (odd, -1.0))]
    values = torch.cat([v for (v, _), _ in parts]).double().numpy()
    vectors = np.concatenate([full(u, s) for (_, u), s in parts], axis=1)
    order = np.argsort(-values)[:kept]
    return torch.cat([left, left.flip(2)], 2).flatten().numpy(), values[order], vectors[:, order]


def test_mean_eigenvalues_and_subspace_are_those_of_dense_pca(
    images: data.Images, dense: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> None:
    mean, values, vectors = fitted(images, KEPT)
    np.testing.assert_allclose(mean, dense[0], rtol=0, atol=1e-5)
    np.testing.assert_allclose(values, dense[1][:KEPT], rtol=1e-3)
    leading = 30
    assert dense[1][leading - 1] / dense[1][leading] > 1.005, "no gap, no subspace to compare"
    true = dense[2][:, :leading]
    outside = true - vectors @ (vectors.T @ true)
    assert np.linalg.norm(outside, 2) < 1e-3, "sine of the largest angle"
    captured = np.linalg.norm(vectors.T @ dense[2] * np.sqrt(dense[1])) ** 2
    assert captured == pytest.approx(dense[1][:KEPT].sum(), rel=1e-4)


def test_the_prior_has_the_variances_of_ppca(
    images: data.Images, dense: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> None:
    """Tipping and Bishop 1999, eqs. 15 and 16: W W^T = U (Lambda - sigma² I) U^T."""
    prior = gaussian.train(images, options(noise=7e-3))
    assert prior.latent == KEPT
    assert prior.noise == 7e-3
    left_out = dense[1][KEPT:].mean()
    assert prior.residual == pytest.approx(left_out, rel=1e-2)
    W = prior.W.double().numpy()
    expected = (dense[2][:, :KEPT] * (dense[1][:KEPT] - left_out)) @ dense[2][:, :KEPT].T
    assert np.linalg.norm(W @ W.T - expected) < 0.01 * np.linalg.norm(expected)
    np.testing.assert_allclose(prior.mean, dense[0], rtol=0, atol=1e-5)


def masks() -> dict[str, Tensor]:
    blank = torch.zeros(SIZE, SIZE, dtype=torch.bool)
    center, half = blank.clone(), blank.clone()
    center[4:12, 4:12] = True
    half[:, 8:] = True
    random = torch.rand(SIZE, SIZE, generator=torch.Generator().manual_seed(0)) < 0.8
    return {"center": center, "half": half, "random80": random}


def floating(dense: tuple[np.ndarray, np.ndarray, np.ndarray], x: np.ndarray, hole: np.ndarray,
             noise: float) -> np.ndarray:  # fmt: skip
    """The conditional mean under float64 components."""
    W = dense[2][:, :KEPT] * np.sqrt(dense[1][:KEPT] - dense[1][KEPT:].mean())
    C = W @ W.T + noise * np.eye(len(W))
    known = np.linalg.solve(C[~hole][:, ~hole], x[~hole] - dense[0][~hole])
    return dense[0][hole] + C[hole][:, ~hole] @ known


@pytest.mark.parametrize(("bits8", "tolerance"), [(KEPT, 0.003), (KEPT // 4, 0.02)])
@pytest.mark.parametrize("mask", masks().values(), ids=masks().keys())
def test_the_packed_prior_fills_like_the_float_one(
    images: data.Images,
    dense: tuple[np.ndarray, np.ndarray, np.ndarray],
    mask: Tensor,
    bits8: int,
    tolerance: float,
) -> None:
    prior = gaussian.train(images, options(bits8=bits8))
    unseen = blobs(8, seed=1)
    hole = mask.expand(3, -1, -1).flatten().numpy()
    for pixels in unseen.pixels:
        image = torch.from_numpy(pixels).permute(2, 0, 1) / 255
        z = prior.start_z(image, mask, 1, torch.Generator().manual_seed(0))[0]
        ours = (prior.mean + prior.W @ z).numpy()[hole]
        flat = image.double().flatten().numpy()
        exact = floating(dense, flat, hole, prior.noise)
        assert np.sqrt(np.mean((ours - exact) ** 2)) < tolerance
        by_mean = np.sqrt(np.mean((dense[0][hole] - exact) ** 2))
        assert by_mean > 5 * tolerance or bits8 < KEPT, "a fill that anything would match"


def test_the_mirror_of_the_data_gives_the_same_prior(images: data.Images) -> None:
    mirrored = dataclasses.replace(images, pixels=np.ascontiguousarray(images.pixels[:, :, ::-1]))
    one, other = gaussian.train(images, options()), gaussian.train(mirrored, options())
    product = one.W @ one.W.T
    assert (other.W @ other.W.T - product).norm() < 1e-2 * product.norm()
    torch.testing.assert_close(one.mean, other.mean)
    picture = one.mean.unflatten(0, (3, SIZE, SIZE))
    assert picture.equal(picture.flip(2))


def test_the_order_of_the_images_and_the_batches_do_not_matter(images: data.Images) -> None:
    shuffled = dataclasses.replace(images, pixels=images.pixels[::-1].copy())
    one, other = fitted(images, KEPT), fitted(shuffled, KEPT)
    np.testing.assert_allclose(one[1], other[1], rtol=1e-4)
    np.testing.assert_allclose(one[0], other[0], atol=1e-5)


def test_the_same_fit_twice_gives_the_same_bytes(images: data.Images) -> None:
    one, other = (gaussian.train(images, options(min_scale=0.7)).tensors() for _ in range(2))
    assert all(one[name].equal(other[name]) for name in one)


def test_views_add_random_cuts_to_the_data() -> None:
    large = blobs(60, size=2 * SIZE)
    seen: list[tuple[int, int]] = []
    fits = [
        gaussian.train(
            large,
            options(min_scale=0.5, views=views),
            callback=lambda done, total: seen.append((done, total)),
        )
        for views in (1, 20)
    ]
    assert seen == [(1, 1), (1, 3), (2, 3), (3, 3)]
    assert not fits[0].mean.equal(fits[1].mean)
    assert fits[1].residual > fits[0].residual, "more cuts leave more out"


@pytest.mark.parametrize(
    ("count", "components"), [(30, 60), (30, 1), (3, 3), (400, 768), (400, 790)]
)
def test_as_many_components_as_the_data_carry_work(count: int, components: int) -> None:
    """Up to two an image, and never more than there are pixels."""
    prior = gaussian.train(blobs(count), options(components=components, bits8=1))
    assert prior.latent == min(components, 3 * SIZE * SIZE)
    assert prior.W.isfinite().all()
    x = torch.from_numpy(blobs(count).pixels[0]).permute(2, 0, 1) / 255
    z = prior.start_z(x, masks()["center"], 1, torch.Generator())
    assert prior.generate(z).isfinite().all()


@pytest.mark.parametrize("bits8", [0, KEPT, 10 * KEPT])
def test_any_share_of_8_bit_components_can_be_read_back(images: data.Images, bits8: int) -> None:
    prior = gaussian.train(images, options(bits8=bits8))
    mean, components = unpack(SIZE, prior.tensors())
    W = components.whole()
    assert W.shape == (3 * SIZE * SIZE, KEPT)
    exact = gaussian.train(images, options(bits8=KEPT))
    assert (W - exact.W).norm() < (0.15 if bits8 == 0 else 1e-6) * exact.W.norm()
    assert mean.equal(prior.mean)


def test_identical_images_give_their_picture() -> None:
    one = blobs(1)
    many = dataclasses.replace(one, pixels=np.repeat(one.pixels, 9, 0))
    prior: Gaussian = gaussian.train(many, options(components=4, bits8=2))
    x = one.pixels[0].transpose(2, 0, 1) / 255
    expected = (x + x[..., ::-1]) / 2
    np.testing.assert_allclose(prior.mean.reshape(3, SIZE, SIZE), expected, atol=1e-5)
    assert prior.W.isfinite().all()


def test_without_a_number_few_images_give_as_many_components_as_they_carry() -> None:
    prior = gaussian.train(blobs(5), options(components=0))
    assert prior.latent == 10
    assert prior.W.isfinite().all()


def test_too_few_images_are_an_error_that_says_how_many() -> None:
    with pytest.raises(ImageError) as error:
        gaussian.train(blobs(12), options(components=25))
    assert "12 images" in str(error.value)
    assert "--components" in str(error.value)
    assert "\n" not in str(error.value)


def test_left_out_images_are_not_looked_at(images: data.Images) -> None:
    changed = images.pixels.copy()
    changed[1::3] = 255 - changed[1::3]
    others = dataclasses.replace(images, pixels=changed)
    o = dataclasses.replace(options(), leave_out="1/3")
    one, two = (gaussian.train(some, o) for some in (images, others))
    assert torch.equal(one.mean, two.mean)
    all_of_them = gaussian.train(images, options())
    assert not torch.equal(one.mean, all_of_them.mean)


@pytest.mark.parametrize("text", ["3/3", "1", "0/1", "-1/2", "a/b"])
def test_a_share_that_cannot_be_left_out(text: str) -> None:
    with pytest.raises(InpaintError, match=r"leave-out is .*expected K/N"):
        dataclasses.replace(options(), leave_out=text)
