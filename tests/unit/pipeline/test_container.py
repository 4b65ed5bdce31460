"""What a container's environment says of its image; names of machines stay out."""

import pytest

from provsdk.pipeline._container import container

ID = "0123456789abcdef" * 4


@pytest.fixture
def cgroup(tmp_path):
    path = tmp_path / "cgroup"
    path.write_text("0::/\n")
    return path


def test_outside_any_container_nothing_is_known(cgroup):
    assert container({"HOSTNAME": "anas-laptop", "HOME": "/home/ana", "USER": "ana"}, cgroup) == {}


@pytest.mark.parametrize("variable", ["CONTAINER_IMAGE", "FLY_IMAGE_REF"])
def test_an_image_is_named_by_its_reference(cgroup, variable):
    image = "registry.example.org:5000/desk/app@sha256:" + ID
    assert container({variable: image}, cgroup) == {"container.image.name": image}


@pytest.mark.parametrize(
    "said",
    [
        "https://ana:secret@registry.example.org/app",
        "ana:secret@registry.example.org/app:1",
        "an image of ours",
        "",
        "x" * 300,
    ],
)
def test_what_is_no_reference_is_left_out(cgroup, said):
    assert container({"CONTAINER_IMAGE": said}, cgroup) == {}


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("K_SERVICE", "K_REVISION"),
        ("AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION"),
        ("CONTAINER_APP_NAME", "CONTAINER_APP_REVISION"),
    ],
)
def test_a_platforms_revision_stands_for_the_image(cgroup, name, version):
    found = container({name: "desk", version: "desk-00042-abc"}, cgroup)
    assert found == {"faas.name": "desk", "faas.version": "desk-00042-abc"}


@pytest.mark.parametrize(
    "line",
    [
        f"12:memory:/docker/{ID}",
        f"1:name=systemd:/kubepods/burstable/pod1b2c/{ID}",
        f"0::/system.slice/docker-{ID}.scope",
        f"9:cpu:/ecs/0f1e2d/{ID}",
    ],
)
def test_the_containers_id_is_read_from_the_groups_of_the_process(cgroup, line):
    cgroup.write_text(f"3:other:/\n{line}\n")
    assert container({}, cgroup) == {"container.id": ID}


def test_a_system_without_groups_knows_none(tmp_path):
    assert container({}, tmp_path / "nothing") == {}
