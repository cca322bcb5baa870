"""The proposed system in PyTorch, to time our training step against.

The same networks, losses and order of updates, in the idiom of a PyTorch
project: `unfold` and `median` where ours slides histograms. PyTorch is not a
dependency; `pip install torch` where the benchmark runs.
"""

import torch
import torch.nn.functional as F
from torch import nn

_BLUR = torch.tensor([1.0, 2.0, 1.0]) / 4


class _SmoothUpsampling(nn.Module):
    def __init__(self, inputs: int, filters: int):
        super().__init__()
        self.convolution = nn.ConvTranspose2d(
            inputs, filters, 3, 2, 1, output_padding=1, bias=False
        )
        kernel = torch.outer(_BLUR, _BLUR)[None, None]
        self.register_buffer("kernel", kernel.repeat(filters, 1, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.convolution(x)
        # PyTorch 2.13 cannot compile the gradient of `F.pad` by "replicate".
        x = torch.cat([x[:, :, :1], x, x[:, :, -1:]], 2)
        x = torch.cat([x[..., :1], x, x[..., -1:]], 3)
        return F.conv2d(x, self.kernel, groups=x.shape[1])


def _conv_norm_relu(
    inputs: int, filters: int, size: int, stride: int = 1
) -> list[nn.Module]:
    return [
        nn.ReflectionPad2d(size // 2),
        nn.Conv2d(inputs, filters, size, stride, bias=False),
        nn.InstanceNorm2d(filters, affine=True),
        nn.ReLU(True),
    ]


class _Residual(nn.Module):
    def __init__(self, filters: int):
        super().__init__()
        self.branch = nn.Sequential(
            *_conv_norm_relu(filters, filters, 3),
            *_conv_norm_relu(filters, filters, 3)[:-1],
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.branch(x)


def make_generator(n: int = 64, blocks: int = 9) -> nn.Module:
    """Return the ResNet generator, [B, 3, H, W] to [B, 1, H, W]."""
    ups = []
    for inputs, filters in ((4 * n, 2 * n), (2 * n, n)):
        ups += [
            _SmoothUpsampling(inputs, filters),
            nn.InstanceNorm2d(filters, affine=True),
            nn.ReLU(True),
        ]
    return nn.Sequential(
        *_conv_norm_relu(3, n, 7),
        *_conv_norm_relu(n, 2 * n, 3, 2),
        *_conv_norm_relu(2 * n, 4 * n, 3, 2),
        *(_Residual(4 * n) for _ in range(blocks)),
        *ups,
        nn.ReflectionPad2d(3),
        nn.Conv2d(n, 1, 7),
        nn.Tanh(),
    )


def make_discriminator(n: int = 64) -> nn.Module:
    """Return the 70x70 PatchGAN, [B, 4, H, W] to logits."""
    layers: list[nn.Module] = [nn.Conv2d(4, n, 4, 2, 1), nn.LeakyReLU(0.2)]
    for inputs, filters, stride in ((n, 2 * n, 2), (2 * n, 4 * n, 2),
                                    (4 * n, 8 * n, 1)):  # fmt: skip
        layers += [
            nn.Conv2d(inputs, filters, 4, stride, 1, bias=False),
            nn.InstanceNorm2d(filters, affine=True),
            nn.LeakyReLU(0.2),
        ]
    return nn.Sequential(*layers, nn.Conv2d(8 * n, 1, 4, 1, 1))


def make_features() -> nn.Module:
    """Return VGG19 up to block3_conv3; its cost does not need its weights."""
    layers: list[nn.Module] = []
    inputs = 3
    for filters, count in ((64, 2), (128, 2), (256, 3)):
        if layers:
            layers.append(nn.MaxPool2d(2))
        for _ in range(count):
            layers += [nn.Conv2d(inputs, filters, 3, 1, 1), nn.ReLU(True)]
            inputs = filters
    return nn.Sequential(*layers).requires_grad_(False)


def saliency_map(ffa: torch.Tensor) -> torch.Tensor:
    """Return Eq. 1 for grey levels [B, 1, H, W]."""
    at = torch.arange(7) - 3.0
    gauss = torch.exp(-(at**2) / (2 * 1.4**2))
    gauss = torch.outer(gauss, gauss)
    smooth = F.conv2d(
        F.pad(ffa, (3, 3, 3, 3), "reflect"), (gauss / gauss.sum())[None, None]
    )
    windows = F.unfold(F.pad(ffa, (25, 25, 25, 25), "replicate"), 51)
    return smooth - windows.median(1).values.view_as(ffa)


class System:
    """Both networks, their optimizers and one step of training.

    Args:
        saliency: whether the saliency term is on.
        compiled: whether PyTorch compiles the losses.
    """

    def __init__(self, saliency: bool, compiled: bool):
        torch.manual_seed(0)
        self.losses = torch.compile(self._losses) if compiled else self._losses
        self.saliency = saliency
        self.generator, self.discriminator = (
            make_generator(),
            make_discriminator(),
        )
        self.features = make_features()
        self.optimizers = [
            torch.optim.Adam(network.parameters(), 2e-4, (0.5, 0.999))
            for network in (self.generator, self.discriminator)
        ]

    def _losses(
        self, fundus: torch.Tensor, real: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the losses of generator and discriminator (Eqs. 2-7)."""
        fake = self.generator(fundus)
        fake_logits = self.discriminator(torch.cat([fundus, fake], 1))
        real_logits = self.discriminator(torch.cat([fundus, real], 1))
        with torch.no_grad():
            real_features = self._features(real)
        terms = [
            F.softplus(-fake_logits).mean(),
            100 * F.l1_loss(fake, real),
            0.001 * F.mse_loss(self._features(fake), real_features),
        ]
        if self.saliency:
            with torch.no_grad():
                real_map = saliency_map(_grey(real))
            terms.append(F.mse_loss(saliency_map(_grey(fake)), real_map))
        against = (
            F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
        )
        return sum(terms), 0.5 * against

    def _features(self, ffa: torch.Tensor) -> torch.Tensor:
        return self.features(_grey(ffa).expand(-1, 3, -1, -1) - 117.0)

    def step(self, fundus: torch.Tensor, real: torch.Tensor) -> None:
        """Update both networks once, from the same generated batch."""
        losses = self.losses(fundus, real)
        networks = (self.generator, self.discriminator)
        gradients = [
            torch.autograd.grad(loss, list(net.parameters()), retain_graph=True)
            for loss, net in zip(losses, networks, strict=True)
        ]
        for net, found, optimizer in zip(
            networks, gradients, self.optimizers, strict=True
        ):
            for parameter, gradient in zip(
                net.parameters(), found, strict=True
            ):
                parameter.grad = gradient
            optimizer.step()


def _grey(ffa: torch.Tensor) -> torch.Tensor:
    return (ffa + 1) * 127.5
